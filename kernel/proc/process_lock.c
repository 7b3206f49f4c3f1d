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
static bool enter(struct percpu *cpu)
{
    kassert(!DEBUG_CHECKS || !atomic_load(&cpu->deals_with_process));
    atomic_store(&cpu->deals_with_process, true);
    return likely(!atomic_load(&all_held));
}

static void leave(struct percpu *cpu)
{
    atomic_store_explicit(&cpu->deals_with_process, false, memory_order_release);
}

// Nobody can hold all of them before this CPU's flag is seen.
never_inlined static void enter_in_turn(struct process *process)
{
    spinlock_acquire(&all_lock);
    if (process)
        spinlock_acquire(&process->lock);
    bool entered = enter(this_cpu());
    kassert(entered);
    spinlock_release(&all_lock);
}

void process_lock(struct process *process)
{
    spinlock_acquire(&process->lock);
    struct percpu *cpu = this_cpu();
    if (likely(enter(cpu)))
        return;
    leave(cpu);
    spinlock_release(&process->lock); // whoever holds it may be waited for by who holds all
    enter_in_turn(process);
}

void process_unlock(struct process *process)
{
    leave(this_cpu());
    spinlock_release(&process->lock);
}

void process_tree_hold(void)
{
    interrupts_off();
    struct percpu *cpu = this_cpu();
    if (likely(enter(cpu)))
        return;
    leave(cpu);
    enter_in_turn(NULL);
}

void process_tree_leave(void)
{
    leave(this_cpu());
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
