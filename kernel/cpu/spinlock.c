// Ticket spinlocks with rank checks. The rules are in spinlock.h; debug builds enforce them here by
// keeping, per CPU, the stack of locks held.
#include "cpu/spinlock.h"

#include "cpu/interrupts.h"
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

static void take_turn(struct spinlock *lock)
{
    unsigned ticket = atomic_fetch_add_explicit(&lock->next_ticket, 1, memory_order_relaxed);

    while (atomic_load_explicit(&lock->now_serving, memory_order_acquire) != ticket)
        cpu_relax();
}

static void pass_turn(struct spinlock *lock)
{
    unsigned next = atomic_load_explicit(&lock->now_serving, memory_order_relaxed) + 1;

    atomic_store_explicit(&lock->now_serving, next, memory_order_release);
}

void spinlock_acquire(struct spinlock *lock)
{
    interrupts_off();
    struct percpu *cpu = this_cpu();
    if (DEBUG_CHECKS)
        check_acquire(cpu, lock);
    take_turn(lock);
    if (DEBUG_CHECKS)
        cpu->held_locks[cpu->held_lock_count++] = lock;
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
        cpu->held_lock_count--;
        for (; i < cpu->held_lock_count; i++)
            cpu->held_locks[i] = cpu->held_locks[i + 1];
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
