// Sleeping locks. Called by everything that may sleep. Invariant: owner is the holder or NULL; a
// waiter tries again each time it is woken, so a wake-up given to somebody who no longer needs it
// is passed on by the next release.
#include "sched/mutex.h"

#include "lib/panic.h"
#include "lib/protection.h"

void mutex_init(struct mutex *mutex, const char *name, enum mutex_rank rank)
{
    atomic_store(&mutex->owner, NULL);
    wait_queue_init(&mutex->queue);
    mutex->name = name;
    mutex->rank = rank;
}

static bool try_acquire(struct mutex *mutex)
{
    struct thread *nobody = NULL;

    return atomic_compare_exchange_strong(&mutex->owner, &nobody, current_thread());
}

// Debug builds: the ranks a thread holds are a bit set; a new one must be above all of them.
static void check_rank(const struct mutex *mutex)
{
    uint32_t held = current_thread()->held_mutex_ranks;

    spinlock_assert_held_count(0);
    if (held >> mutex->rank)
        panic("mutex order broken: %s (rank %d) acquired while holding ranks %#x", mutex->name,
              mutex->rank, held);
}

void mutex_acquire(struct mutex *mutex)
{
    if (DEBUG_CHECKS)
        check_rank(mutex);
    if (!try_acquire(mutex)) {
        struct waiter waiter = { 0 };
        for (;;) {
            wait_prepare(&mutex->queue, &waiter, WAIT_UNINTERRUPTIBLE);
            if (try_acquire(mutex))
                break;
            int result = wait_block(WAIT_FOREVER);
            kassert(result == 0);
        }
        wait_finish(&mutex->queue, &waiter);
    }
    current_thread()->held_mutex_ranks |= 1u << mutex->rank;
}

void mutex_release(struct mutex *mutex)
{
    kassert(mutex_is_held(mutex));
    current_thread()->held_mutex_ranks &= ~(1u << mutex->rank);
    atomic_store(&mutex->owner, NULL);
    wait_wake(&mutex->queue, 1);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return atomic_load(&mutex->owner) == current_thread();
}
