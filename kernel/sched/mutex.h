// Sleeping locks, ranked like spinlocks: acquired in growing rank, never with a spinlock held,
// never from an interrupt. Whoever finds one taken by a thread that runs on another CPU looks a few
// times more before he sleeps. Holding one, a thread may sleep, allocate, and touch user memory if
// the rank is below MUTEX_RANK_ADDRESS_SPACE.
#pragma once

#include "sched/wait.h"

enum mutex_rank {
    MUTEX_RANK_FILE_POSITION = 1, // one open file's offset
    MUTEX_RANK_SNAPSHOT = 2,      // a text of /proc being made: below all that a last release takes
    MUTEX_RANK_NAMESPACE = 3,     // directory tree of the memory file system
    MUTEX_RANK_INODE_WRITE = 4,   // one file's writers
    MUTEX_RANK_PIPE = 5,
    MUTEX_RANK_CHANNEL = 6,       // host channel frames
    MUTEX_RANK_ADDRESS_SPACE = 8, // regions and page tables of one address space
    MUTEX_RANK_COUNT,
};

_Static_assert(MUTEX_RANK_COUNT <= THREAD_MUTEX_RANKS, "struct thread has a place for each");

struct mutex {
    atomic_uintptr_t owner; // a struct thread, or 0; with MUTEX_CONTENDED when somebody may wait
    struct wait_queue queue;
    const char *name;
    enum mutex_rank rank;
};

void mutex_init(struct mutex *mutex, const char *name, enum mutex_rank rank);
// Thread context, interrupts on, no spinlock held; may sleep, not interruptible.
void mutex_acquire(struct mutex *mutex);
// Looks at the queue after the mutex has been given away, when somebody waits: the caller keeps the
// mutex's memory until this has returned, by a reference of his own, not by holding the mutex.
void mutex_release(struct mutex *mutex);
bool mutex_is_held(const struct mutex *mutex); // by the running thread
// Debug builds, for locks of this kind: panics if the running thread may not take one of this rank.
void mutex_check_rank(const char *name, enum mutex_rank rank);
// Then: it has one, taken at that code address; and it gives it back.
void mutex_note_acquired(enum mutex_rank rank, uint64_t place);
void mutex_note_released(const char *name, enum mutex_rank rank);
