// Queued spinlocks with rank checks. The rules are in spinlock.h; debug builds enforce them here by
// keeping, per CPU, the stack of locks held. Invariant: a CPU is in a queue only while it waits.
// Once it has the lock nothing refers to its place any more, so that locks may be released in any
// order, and by another thread than took them (the run queue's, across a switch).
#include "cpu/spinlock.h"

#include "cpu/interrupts.h"
#include "cpu/lock_statistics.h"
#include "cpu/percpu.h"
#include "lib/panic.h"
#include "lib/protection.h"

static void check_acquire(const struct percpu *cpu, const struct spinlock *lock)
{
    for (uint32_t i = 0; i < cpu->held_lock_count; i++) {
        const struct spinlock *held = cpu->held_locks[i];
        if (held == lock)
            panic("lock %s acquired twice by the same CPU", lock->name);
        if (held->rank >= lock->rank)
            panic("lock order broken: %s (rank %d) acquired while holding %s (rank %d)", lock->name,
                  lock->rank, held->name, held->rank);
    }
    kassert(cpu->held_lock_count < HELD_LOCK_LIMIT);
}

// The lock's word: bit 0 is set while somebody has it; from bit 8 on stands the address of the
// place of who waits last, 0 when nobody does. The upper byte that this shifts out is a copy of
// bit 55, since addresses have 48 bits.
#define HELD 1ull
#define STALL_LOOKS 1024u // one look at the clock in so many turns

void (*spinlock_stalled)(const struct spinlock *lock, uint64_t waited_ticks);
uint64_t spinlock_stall_ticks;
bool spinlocks_are_crowds;

static uint64_t word_of(const struct lock_waiter *waiter)
{
    return (uint64_t)(uintptr_t)waiter << 8;
}

static struct lock_waiter *last_in(uint64_t word)
{
    return (struct lock_waiter *)(uintptr_t)((int64_t)word >> 8);
}

// A wait in progress.
struct wait {
    const struct spinlock *lock;
    uint64_t since; // TSC
    uint32_t turns;
};

static void pass_time(struct wait *wait)
{
    cpu_relax();
    if (++wait->turns % STALL_LOOKS != 0 || !spinlock_stalled)
        return;
    uint64_t waited = read_tsc() - wait->since;
    if (waited > spinlock_stall_ticks)
        spinlock_stalled(wait->lock, waited);
}

// Takes the lock when nobody has it or waits, else the last place in the queue. Returns what the
// word was: 0 means taken.
static uint64_t take_or_join(struct spinlock *lock, const struct lock_waiter *mine)
{
    uint64_t word = atomic_load_explicit(&lock->word, memory_order_relaxed), wanted;

    do
        wanted = word == 0 ? HELD : word_of(mine) | (word & HELD);
    while (!atomic_compare_exchange_weak_explicit(&lock->word, &word, wanted, memory_order_acq_rel,
                                                  memory_order_relaxed));
    return word;
}

// First in the queue, and the lock is free: nobody else can take it. Takes it, leaves the queue
// and makes the next one the first, if there is one.
static void take_as_first(struct spinlock *lock, struct lock_waiter *mine, struct wait *wait)
{
    uint64_t word = word_of(mine);
    struct lock_waiter *next;

    if (atomic_compare_exchange_strong_explicit(&lock->word, &word, HELD, memory_order_acquire,
                                                memory_order_relaxed))
        return;
    atomic_fetch_or_explicit(&lock->word, HELD, memory_order_acquire);
    // Who joined after us may not have said so yet.
    while ((next = atomic_load_explicit(&mine->next, memory_order_acquire)) == NULL)
        pass_time(wait);
    atomic_store_explicit(&next->is_waiting, false, memory_order_release);
}

static void wait_in_queue(struct spinlock *lock, struct lock_waiter *mine, struct wait *wait)
{
    atomic_store_explicit(&mine->next, NULL, memory_order_relaxed);
    atomic_store_explicit(&mine->is_waiting, true, memory_order_relaxed);
    uint64_t word = take_or_join(lock, mine);
    if (word == 0)
        return;
    struct lock_waiter *before = last_in(word);
    if (before) {
        atomic_store_explicit(&before->next, mine, memory_order_release);
        while (atomic_load_explicit(&mine->is_waiting, memory_order_acquire))
            pass_time(wait);
    }
    while (atomic_load_explicit(&lock->word, memory_order_acquire) & HELD)
        pass_time(wait);
    take_as_first(lock, mine, wait);
}

// Without a queue: whoever looks when it is free.
static void wait_in_crowd(struct spinlock *lock, struct wait *wait)
{
    uint64_t word = 0;

    while (!atomic_compare_exchange_weak_explicit(&lock->word, &word, HELD, memory_order_acquire,
                                                  memory_order_relaxed)) {
        while (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0)
            pass_time(wait);
        word = 0;
    }
}

// A place per level: with interrupts off only what cannot be turned off comes while this CPU waits
// (NMI, machine check, and a panic in one of them). Should even they not do, it goes without. All
// registers but R11 come back, so that who does not wait need not save any.
__attribute__((preserve_most, noinline)) static void wait_for_turn(struct spinlock *lock)
{
    struct percpu *cpu = this_cpu();
    struct wait wait = { .lock = lock, .since = read_tsc() };

    if (!spinlocks_are_crowds && likely(cpu->lock_wait_depth < LOCK_WAIT_LIMIT)) {
        struct lock_waiter *mine = &cpu->lock_waiters[cpu->lock_wait_depth++];
        atomic_signal_fence(memory_order_seq_cst); // the place is ours before anything is in it
        wait_in_queue(lock, mine, &wait);
        atomic_signal_fence(memory_order_seq_cst);
        cpu->lock_wait_depth--;
    } else {
        wait_in_crowd(lock, &wait);
    }
    lock_wait_noted(LOCK_KIND_SPINLOCK, lock->name, lock->rank, read_tsc() - wait.since);
}

static void take_turn(struct spinlock *lock)
{
    uint64_t word = 0;

    if (unlikely(!atomic_compare_exchange_strong_explicit(
            &lock->word, &word, HELD, memory_order_acquire, memory_order_relaxed)))
        wait_for_turn(lock);
}

// Only the holder writes the byte of the flag; those who wait write around it, by locked
// instructions on the whole word, which keep it.
static void pass_turn(struct spinlock *lock)
{
    atomic_store_explicit(&lock->is_held, 0, memory_order_release);
}

static void remember_held(struct percpu *cpu, const struct spinlock *lock, uint64_t place)
{
    uint32_t i = cpu->held_lock_count++;

    cpu->held_locks[i] = lock;
    cpu->held_at[i] = place;
    cpu->held_since[i] = read_tsc();
}

void spinlock_acquire(struct spinlock *lock)
{
    interrupts_off();
    struct percpu *cpu = this_cpu();
    if (DEBUG_CHECKS)
        check_acquire(cpu, lock);
    take_turn(lock);
    if (DEBUG_CHECKS)
        remember_held(cpu, lock, (uint64_t)__builtin_return_address(0));
}

void spinlock_acquire_outermost(struct spinlock *lock)
{
    if (DEBUG_CHECKS) {
        kassert(interrupts_are_on());
        spinlock_acquire(lock);
        return;
    }
    interrupts_off_outermost();
    take_turn(lock);
}

// Locks are mostly released in reverse order, but need not be.
static void forget_held(struct percpu *cpu, const struct spinlock *lock)
{
    for (uint32_t i = cpu->held_lock_count; i-- > 0;) {
        if (cpu->held_locks[i] != lock)
            continue;
        if (interrupts_are_on())
            panic("interrupts came on while spinlock %s was held", lock->name);
        lock_hold_noted(LOCK_KIND_SPINLOCK, lock->name, read_tsc() - cpu->held_since[i],
                        cpu->held_at[i]);
        cpu->held_lock_count--;
        for (; i < cpu->held_lock_count; i++) {
            cpu->held_locks[i] = cpu->held_locks[i + 1];
            cpu->held_since[i] = cpu->held_since[i + 1];
            cpu->held_at[i] = cpu->held_at[i + 1];
        }
        return;
    }
    panic("lock %s released by a CPU that does not hold it", lock->name);
}

void spinlock_release(struct spinlock *lock)
{
    if (DEBUG_CHECKS)
        forget_held(this_cpu(), lock);
    pass_turn(lock);
    interrupts_restore();
}

void spinlock_release_outermost(struct spinlock *lock)
{
    if (DEBUG_CHECKS) {
        spinlock_release(lock);
        return;
    }
    pass_turn(lock);
    interrupts_on_outermost();
}

void spinlock_assert_held_count(uint32_t count)
{
    if (!DEBUG_CHECKS)
        return;
    struct percpu *cpu = this_cpu();
    if (cpu->held_lock_count != count)
        panic("%u spinlocks held where %u are allowed; the innermost is %s", cpu->held_lock_count,
              count, cpu->held_lock_count ? cpu->held_locks[cpu->held_lock_count - 1]->name : "-");
}
