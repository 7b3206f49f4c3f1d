// What the CPU's time went into: run time of threads at switches, totals, and the load averages.
// Called by the scheduler under the run-queue lock, and by whoever shows the numbers.
// Invariant: user, system and idle time of a CPU add up to the time since the kernel took over.
#include "cpu/clock.h"
#include "cpu/registers.h"
#include "sched/run_queue.h"
#include "sched/scheduler.h"

// How much of a stretch was the program's: all, when no interrupt fell into it.
static uint64_t program_share(const struct percpu *cpu, const struct thread *thread,
                              uint64_t ran_ns)
{
    uint64_t samples = cpu->user_samples + cpu->system_samples;

    if (!thread->owner) // a kernel thread
        return 0;
    return samples ? ran_ns / samples * cpu->user_samples : ran_ns;
}

void run_time_account(struct percpu *cpu, struct thread *previous, struct thread *next,
                      enum switch_reason reason)
{
    uint64_t now = read_tsc();
    uint64_t ran_ns = clock_ticks_to_ns(now - previous->last_switch_tsc);

    previous->run_ns += ran_ns;
    next->last_switch_tsc = now;
    cpu->user_ns += program_share(cpu, previous, ran_ns);
    cpu->user_samples = cpu->system_samples = 0;
    if (previous == cpu->run_queue->idle)
        cpu->idle_ns += ran_ns;
    else if (reason == SWITCH_SLICE_OVER || reason == SWITCH_WOKEN_BETTER)
        previous->involuntary_switches++;
    else
        previous->voluntary_switches++;
}

void run_queue_note_load(struct run_queue *queue, uint32_t count)
{
    if (count != queue->load.count)
        load_average_change(&queue->load, clock_now_ns(), count);
}

void scheduler_load_averages(uint64_t averages[LOAD_AVERAGE_COUNT])
{
    struct run_queue *queue = this_cpu()->run_queue;

    spinlock_acquire(&queue->lock);
    load_average_read(&queue->load, clock_now_ns(), averages);
    spinlock_release(&queue->lock);
}

// The running stretch is split as if it ended now; a later split may differ, so what was told
// before is the least that is told.
void scheduler_times(struct scheduler_times *times)
{
    struct percpu *cpu = this_cpu();
    struct run_queue *queue = cpu->run_queue;

    spinlock_acquire(&queue->lock);
    const struct thread *running = current_thread();
    uint64_t ran_ns = clock_ticks_to_ns(read_tsc() - running->last_switch_tsc);
    uint64_t busy_ns = clock_now_ns() - cpu->idle_ns;
    uint64_t user_ns = min_of(cpu->user_ns + program_share(cpu, running, ran_ns), busy_ns);
    struct scheduler_times *told = &queue->told;
    user_ns = min_of(max_of(user_ns, told->user_ns), busy_ns - told->system_ns);
    *told = (struct scheduler_times){ user_ns, busy_ns - user_ns, cpu->idle_ns };
    *times = *told;
    spinlock_release(&queue->lock);
}
