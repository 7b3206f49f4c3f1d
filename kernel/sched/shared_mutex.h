// A sleeping lock that many may hold to look and one to change; ranked with the mutexes and under
// their rules (mutex.h). While somebody waits, nobody new gets in beside those who look; but when
// the last of them leaves, all who wait try again, and who wants to change may come late.
#pragma once

#include "sched/mutex.h"

struct shared_mutex {
    atomic_uint state; // how many look, who changes, whether somebody waits
    struct wait_queue queue;
    const char *name;
    enum mutex_rank rank;
};

void shared_mutex_init(struct shared_mutex *mutex, const char *name, enum mutex_rank rank);
// To look: beside others who look. Not again by a thread that holds it. Both: thread context,
// interrupts on, no spinlock held; may sleep, not interruptible.
void shared_mutex_acquire_shared(struct shared_mutex *mutex);
void shared_mutex_release_shared(struct shared_mutex *mutex);
// To change: alone.
void shared_mutex_acquire(struct shared_mutex *mutex);
void shared_mutex_release(struct shared_mutex *mutex);
