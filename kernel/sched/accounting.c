// What the CPU's time went into: run time of threads at switches, totals, and the load averages.
// Called by the scheduler under the run-queue lock, and by whoever shows the numbers.
// Invariant: user, system and idle time of a CPU add up to the time since the kernel took over.
#include "cpu/clock.h"
#include "cpu/registers.h"
#include "sched/run_queue.h"
#include "sched/scheduler.h"

// How much of a stretch was the kernel's: nothing, when no interrupt fell into it.
static uint64_t kernel_share(const struct percpu *cpu, const struct thread *thread, uint64_t ticks)
{
    uint64_t samples = cpu->user_samples + cpu->system_samples;

    if (!thread->owner) // a kernel thread
        return ticks;
    return samples ? ticks - ticks / samples * cpu->user_samples : 0;
}

void run_time_account(const struct run_queue *queue, struct thread *previous, struct thread *next,
                      uint64_t now)
{
    struct percpu *cpu = this_cpu();
    bool has_samples = (cpu->user_samples | cpu->system_samples) != 0;
    uint64_t ticks = now - previous->last_switch_tsc;

    previous->run_ticks += ticks;
    next->last_switch_tsc = now;
    if (previous == queue->idle)
        cpu->idle_ticks += ticks;
    else if (unlikely(has_samples || !previous->owner))
        cpu->system_ticks += kernel_share(cpu, previous, ticks);
    if (unlikely(has_samples))
        cpu->user_samples = cpu->system_samples = 0;
}

void scheduler_load_averages(uint64_t averages[LOAD_AVERAGE_COUNT])
{
    struct run_queue *queue = this_cpu()->run_queue;

    spinlock_acquire(&queue->lock);
    load_average_read(&queue->load, read_tsc(), averages);
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
    struct scheduler_times *told = &queue->told;
    uint64_t now = read_tsc();
    uint64_t idle_ns = clock_ticks_to_ns(cpu->idle_ticks);
    // Two roundings may differ by a nanosecond.
    uint64_t busy_ns = max_of(clock_ns_from_tsc(now) - idle_ns, told->user_ns + told->system_ns);
    uint64_t system_ticks =
        cpu->system_ticks + kernel_share(cpu, running, now - running->last_switch_tsc);
    uint64_t system_ns = min_of(clock_ticks_to_ns(system_ticks), busy_ns);
    system_ns = min_of(max_of(system_ns, told->system_ns), busy_ns - told->user_ns);
    *told = (struct scheduler_times){ busy_ns - system_ns, system_ns, idle_ns };
    *times = *told;
    spinlock_release(&queue->lock);
}
