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
    struct percpu *cpu = queue->cpu;
    bool has_samples = (cpu->user_samples | cpu->system_samples) != 0;
    uint64_t ticks = now - previous->last_switch_tsc;

    previous->run_ticks += ticks;
    next->last_switch_tsc = now;
    if (likely(previous->owner && !has_samples)) // a program's, without an interrupt
        return;
    if (previous == queue->idle)
        cpu->idle_ticks += ticks;
    else
        cpu->system_ticks += kernel_share(cpu, previous, ticks);
    cpu->user_samples = cpu->system_samples = 0;
}

// The stretch that a running thread is in. Lock held; the clocks of two CPUs may differ a little.
static uint64_t running_ticks(const struct thread *running, uint64_t now)
{
    return now > running->last_switch_tsc ? now - running->last_switch_tsc : 0;
}

uint64_t thread_run_ns(const struct thread *thread)
{
    if (thread == current_thread())
        return clock_ticks_to_ns(thread->run_ticks + running_ticks(thread, read_tsc()));
    struct run_queue *queue = thread_queue_acquire(thread);
    uint64_t ticks = thread->run_ticks;
    if (queue->cpu->current == thread)
        ticks += running_ticks(thread, read_tsc());
    spinlock_release(&queue->lock);
    return clock_ticks_to_ns(ticks);
}

uint32_t scheduler_runnable_count(void)
{
    struct percpu *cpu;
    uint32_t count = 0;

    for_each_cpu(cpu) count +=
        run_queue_waiting(cpu->run_queue) + !run_queue_is_idle(cpu->run_queue);
    return count;
}

// An average of sums is the sum of the averages.
void scheduler_load_averages(uint64_t averages[LOAD_AVERAGE_COUNT])
{
    struct percpu *cpu;

    for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++)
        averages[i] = 0;
    for_each_cpu(cpu)
    {
        struct run_queue *queue = cpu->run_queue;
        uint64_t own[LOAD_AVERAGE_COUNT];
        spinlock_acquire(&queue->lock);
        load_average_read(&queue->load, max_of(read_tsc(), queue->load.changed), own);
        spinlock_release(&queue->lock);
        for (uint32_t i = 0; i < LOAD_AVERAGE_COUNT; i++)
            averages[i] += own[i];
    }
}

// The running stretch is split as if it ended now; a later split may differ, so what was told
// before is the least that is told.
void scheduler_cpu_times(const struct percpu *cpu, struct scheduler_times *times)
{
    struct run_queue *queue = cpu->run_queue;

    spinlock_acquire(&queue->lock);
    const struct thread *running = cpu->current;
    struct scheduler_times *told = &queue->told;
    uint64_t now = read_tsc(), stretch = running_ticks(running, now);
    bool is_idle = running == queue->idle;
    uint64_t idle_ns = clock_ticks_to_ns(cpu->idle_ticks + (is_idle ? stretch : 0));
    idle_ns = max_of(idle_ns, told->idle_ns);
    // Two roundings may differ by a nanosecond.
    uint64_t busy_ns = max_of(clock_ns_from_tsc(now) - idle_ns, told->user_ns + told->system_ns);
    uint64_t system_ticks = cpu->system_ticks + (is_idle ? 0 : kernel_share(cpu, running, stretch));
    uint64_t system_ns = min_of(clock_ticks_to_ns(system_ticks), busy_ns);
    system_ns = min_of(max_of(system_ns, told->system_ns), busy_ns - told->user_ns);
    *told = (struct scheduler_times){ busy_ns - system_ns, system_ns, idle_ns };
    *times = *told;
    spinlock_release(&queue->lock);
}

void scheduler_times(struct scheduler_times *times)
{
    struct percpu *cpu;

    *times = (struct scheduler_times){ 0 };
    for_each_cpu(cpu)
    {
        struct scheduler_times own;
        scheduler_cpu_times(cpu, &own);
        times->user_ns += own.user_ns;
        times->system_ns += own.system_ns;
        times->idle_ns += own.idle_ns;
    }
}
