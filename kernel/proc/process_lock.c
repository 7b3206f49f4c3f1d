// The locks of processes: of one, and of all at once. Called by all files of this folder.
// Who has a process's lock says so in a flag of his CPU; who wants them all keeps new ones from
// beginning and waits until no CPU has its flag set. So those who deal with one process meet nobody
// but those who deal with the same, and the rare ones who need all pay for it.
// Invariant: a CPU's flag is set only while nobody holds all, and cleared after its last access.
#include "cpu/interrupts.h"
#include "cpu/percpu.h"
#include "lib/panic.h"
#include "proc/internal.h"

static struct spinlock all_lock = SPINLOCK_INIT("all processes", LOCK_RANK_ALL_PROCESSES);
static atomic_bool all_held; // written with all_lock held

// The flag first, the look at all_held second; the other side does it the other way round.
static bool enter(void)
{
    kassert(!DEBUG_CHECKS || !atomic_load(&this_cpu()->deals_with_process));
    atomic_store(&this_cpu()->deals_with_process, true);
    return likely(!atomic_load(&all_held));
}

static void leave(void)
{
    atomic_store_explicit(&this_cpu()->deals_with_process, false, memory_order_release);
}

// After enter() found that somebody holds all, or waits for it: he may wait for this CPU's flag,
// and others who have theirs set for `lock` (NULL: none). Once all_lock is ours, nobody can come
// before our flag is seen.
never_inlined static void enter_in_turn(struct spinlock *lock)
{
    leave();
    if (lock)
        spinlock_release(lock);
    spinlock_acquire(&all_lock);
    if (lock)
        spinlock_acquire(lock);
    bool entered = enter();
    kassert(entered);
    spinlock_release(&all_lock);
}

void process_lock(struct process *process)
{
    spinlock_acquire(&process->lock);
    if (unlikely(!enter()))
        enter_in_turn(&process->lock);
}

void process_unlock(struct process *process)
{
    leave();
    spinlock_release(&process->lock);
}

void process_tree_hold(void)
{
    interrupts_off();
    if (unlikely(!enter()))
        enter_in_turn(NULL);
}

void process_tree_leave(void)
{
    leave();
    interrupts_restore();
}

struct process *process_lock_parent(const struct process *process)
{
    process_tree_hold();
    struct process *parent = process->parent;
    if (parent)
        spinlock_acquire(&parent->lock);
    return parent;
}

void process_unlock_parent(struct process *parent)
{
    if (parent)
        spinlock_release(&parent->lock);
    process_tree_leave();
}

void process_lock_all(void)
{
    struct percpu *cpu;

    spinlock_acquire(&all_lock);
    kassert(!atomic_load(&this_cpu()->deals_with_process));
    atomic_store(&all_held, true);
    for_each_cpu(cpu)
    {
        while (atomic_load(&cpu->deals_with_process))
            cpu_relax();
    }
}

void process_unlock_all(void)
{
    atomic_store_explicit(&all_held, false, memory_order_release);
    spinlock_release(&all_lock);
}

bool process_lock_or_all(struct process *process)
{
    process_lock(process);
    if (likely(!process->stopped))
        return false;
    process_unlock(process);
    process_lock_all();
    return true;
}

void process_unlock_or_all(struct process *process, bool all)
{
    if (all)
        process_unlock_all();
    else
        process_unlock(process);
}

void process_assert_all_locked(void)
{
    kassert(atomic_load_explicit(&all_held, memory_order_relaxed));
}
