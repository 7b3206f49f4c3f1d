// Sleeping locks for one who changes or many who look. Called by the file tree. Invariant: WAITING
// is set only while somebody holds the lock; the last holder clears it and wakes everybody who
// waits, and they try again. So nobody sleeps on a free lock: who sets WAITING is in the queue by
// then, and the release that follows finds him there.
#include "sched/shared_mutex.h"

#include "cpu/lock_statistics.h"
#include "cpu/registers.h"
#include "lib/panic.h"
#include "lib/protection.h"

#define CHANGING 1u
#define WAITING 2u
#define LOOKING 4u // each

void shared_mutex_init(struct shared_mutex *mutex, const char *name, enum mutex_rank rank)
{
    atomic_store(&mutex->state, 0);
    wait_queue_init(&mutex->queue);
    mutex->name = name;
    mutex->rank = rank;
}

// As `how` (CHANGING or LOOKING), if that is possible now.
static bool try_acquire(struct shared_mutex *mutex, uint32_t how)
{
    uint32_t in_the_way = how == LOOKING ? CHANGING | WAITING : ~0u;
    uint32_t state = atomic_load(&mutex->state);

    while (!(state & in_the_way))
        if (atomic_compare_exchange_weak(&mutex->state, &state, state + how))
            return true;
    return false;
}

// In the queue and BLOCKED: either it is ours now, or its holders are told that somebody waits.
static bool acquire_or_mark(struct shared_mutex *mutex, uint32_t how)
{
    for (;;) {
        if (try_acquire(mutex, how))
            return true;
        uint32_t state = atomic_load(&mutex->state);
        if (state & WAITING)
            return false;
        if (state != 0 && atomic_compare_exchange_strong(&mutex->state, &state, state | WAITING))
            return false;
    }
}

static void acquire_by_waiting(struct shared_mutex *mutex, uint32_t how)
{
    struct waiter waiter = { 0 };
    uint64_t since = read_tsc();

    for (;;) {
        wait_prepare(&mutex->queue, &waiter, WAIT_UNINTERRUPTIBLE);
        if (acquire_or_mark(mutex, how))
            break;
        int result = wait_block(WAIT_FOREVER);
        kassert(result == 0);
    }
    wait_finish(&mutex->queue, &waiter);
    lock_wait_noted(LOCK_KIND_MUTEX, mutex->name, mutex->rank, read_tsc() - since);
}

inlined_always void acquire(struct shared_mutex *mutex, uint32_t how)
{
    if (DEBUG_CHECKS)
        mutex_check_rank(mutex->name, mutex->rank);
    if (unlikely(!try_acquire(mutex, how)))
        acquire_by_waiting(mutex, how);
    if (DEBUG_CHECKS)
        mutex_note_acquired(mutex->rank, (uint64_t)__builtin_return_address(0));
}

// Who brings the count to nothing wakes those who wait; a subtraction that leaves WAITING alone
// happens once, since nobody gets in while it is set.
static void release(struct shared_mutex *mutex, uint32_t how)
{
    if (DEBUG_CHECKS)
        mutex_note_released(mutex->name, mutex->rank);
    if (likely(atomic_fetch_sub(&mutex->state, how) - how != WAITING))
        return;
    atomic_store(&mutex->state, 0);
    wait_wake_all(&mutex->queue);
}

void shared_mutex_acquire_shared(struct shared_mutex *mutex)
{
    acquire(mutex, LOOKING);
}

void shared_mutex_release_shared(struct shared_mutex *mutex)
{
    release(mutex, LOOKING);
}

void shared_mutex_acquire(struct shared_mutex *mutex)
{
    acquire(mutex, CHANGING);
}

void shared_mutex_release(struct shared_mutex *mutex)
{
    release(mutex, CHANGING);
}
