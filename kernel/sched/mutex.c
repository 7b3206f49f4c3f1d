// Sleeping locks. Called by everything that may sleep. A mutex that nobody waits for is taken and
// released by one locked instruction each. Invariant: while threads wait for it, the owner word has
// MUTEX_CONTENDED, or one of them is awake and will try again: a wake-up is never given twice for
// one release, and who gets the mutex after waiting sets the bit for those behind.
#include "sched/mutex.h"

#include "cpu/interrupts.h"
#include "cpu/lock_statistics.h"
#include "cpu/registers.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "sched/scheduler.h"

void mutex_init(struct mutex *mutex, const char *name, enum mutex_rank rank)
{
    atomic_store(&mutex->owner, 0);
    wait_queue_init(&mutex->queue);
    mutex->name = name;
    mutex->rank = rank;
}

#define MUTEX_CONTENDED ((uintptr_t)1)

static uintptr_t owner_word(void)
{
    return (uintptr_t)current_thread();
}

static bool change_owner(struct mutex *mutex, uintptr_t from, uintptr_t to)
{
    return atomic_compare_exchange_strong(&mutex->owner, &from, to);
}

// Debug builds: the ranks a thread holds are a bit set; a new one must be above all of them.
void mutex_check_rank(const char *name, enum mutex_rank rank)
{
    uint32_t held = current_thread()->held_mutex_ranks;

    spinlock_assert_held_count(0);
    if (!interrupts_are_on())
        panic("mutex %s acquired with interrupts off", name);
    if (held >> rank)
        panic("mutex order broken: %s (rank %d) acquired while holding ranks %#x", name, rank,
              held);
}

#if DEBUG_CHECKS
void mutex_note_acquired(enum mutex_rank rank, uint64_t place)
{
    struct thread *thread = current_thread();

    thread->held_mutex_ranks |= 1u << rank;
    thread->mutex_holds[rank] = (struct mutex_hold){ read_tsc(), place };
}

void mutex_note_released(const char *name, enum mutex_rank rank)
{
    struct thread *thread = current_thread();
    const struct mutex_hold *hold = &thread->mutex_holds[rank];

    if (!(thread->held_mutex_ranks & 1u << rank))
        panic("mutex %s released by a thread that holds none of rank %d", name, rank);
    thread->held_mutex_ranks &= ~(1u << rank);
    lock_hold_noted(LOCK_KIND_MUTEX, name, read_tsc() - hold->since, hold->place);
}
#endif

// In the queue and BLOCKED: either it is ours now, or its owner is told that somebody waits. Then
// the release, which comes after that, finds us in the queue.
static bool acquire_or_mark(struct mutex *mutex)
{
    for (;;) {
        uintptr_t owner = atomic_load(&mutex->owner);
        if (owner == 0) {
            if (change_owner(mutex, 0, owner_word() | MUTEX_CONTENDED))
                return true;
        } else if ((owner & MUTEX_CONTENDED) ||
                   change_owner(mutex, owner, owner | MUTEX_CONTENDED)) {
            return false;
        }
    }
}

#define SPIN_LIMIT 200u // looks; about what two switches take

// Does that thread run on another CPU? The thread may be gone already, so it is not looked into.
static bool is_running_elsewhere(uintptr_t thread)
{
    struct percpu *cpu;

    for_each_cpu(cpu)
    {
        if ((uintptr_t)__atomic_load_n(&cpu->current, __ATOMIC_RELAXED) == thread)
            return cpu != this_cpu();
    }
    return false;
}

// An owner that runs will be done soon, mostly sooner than we could go to sleep. Not while others
// wait, who came first, and not when this CPU is wanted. True: it is ours.
static bool acquire_by_spinning(struct mutex *mutex)
{
    uintptr_t owner = atomic_load_explicit(&mutex->owner, memory_order_relaxed);

    if (cpu_count() == 1 || (owner & MUTEX_CONTENDED) || !is_running_elsewhere(owner))
        return false;
    for (uint32_t i = 0; i < SPIN_LIMIT && !reschedule_is_due(); i++) {
        if (atomic_load_explicit(&mutex->owner, memory_order_relaxed) == 0)
            return change_owner(mutex, 0, owner_word());
        cpu_relax();
    }
    return false;
}

static void acquire_by_waiting(struct mutex *mutex)
{
    struct waiter waiter = { 0 };
    uint64_t since = read_tsc();

    if (acquire_by_spinning(mutex))
        return;
    for (;;) {
        wait_prepare(&mutex->queue, &waiter, WAIT_UNINTERRUPTIBLE);
        if (acquire_or_mark(mutex))
            break;
        int result = wait_block(WAIT_FOREVER);
        kassert(result == 0);
    }
    wait_finish(&mutex->queue, &waiter);
    lock_wait_noted(LOCK_KIND_MUTEX, mutex->name, mutex->rank, read_tsc() - since);
}

void mutex_acquire(struct mutex *mutex)
{
    if (DEBUG_CHECKS)
        mutex_check_rank(mutex->name, mutex->rank);
    if (unlikely(!change_owner(mutex, 0, owner_word())))
        acquire_by_waiting(mutex);
    if (DEBUG_CHECKS)
        mutex_note_acquired(mutex->rank, (uint64_t)__builtin_return_address(0));
}

static void release_to_waiters(struct mutex *mutex)
{
    kassert(mutex_is_held(mutex));
    atomic_store(&mutex->owner, 0);
    wait_wake(&mutex->queue, 1);
}

void mutex_release(struct mutex *mutex)
{
    if (DEBUG_CHECKS)
        mutex_note_released(mutex->name, mutex->rank);
    if (unlikely(!change_owner(mutex, owner_word(), 0)))
        release_to_waiters(mutex);
}

bool mutex_is_held(const struct mutex *mutex)
{
    return (atomic_load(&mutex->owner) & ~MUTEX_CONTENDED) == owner_word();
}
