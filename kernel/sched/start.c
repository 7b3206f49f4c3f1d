// What each CPU has of the scheduler: its run queue with its timers, and its idle thread. Called at
// boot. Invariant: a CPU's queue is complete before the CPU can be found in percpu_table.
#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/registers.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/run_queue.h"
#include "sched/timer.h"

static struct run_queue boot_run_queue;
static struct thread boot_idle = { .name = "idle" };
static uint64_t slice_ticks;
bool scheduler_timer_off;

extern char boot_stack_top[]; // start.S

// Idle threads have id 0.
static void init_queue(struct run_queue *queue, struct percpu *cpu, struct thread *idle)
{
    spinlock_init(&queue->lock, "run queue", LOCK_RANK_RUN_QUEUE);
    queue->cpu = cpu;
    policy_queue_init(&queue->queue, policy_chosen, slice_ticks, clock_tsc_hz());
    queue->slice_end = queue->first_timer = queue->armed = UINT64_MAX;
    queue->load.hz = clock_tsc_hz();
    queue->load.since = queue->load.changed = read_tsc();
    timer_queue_init(&queue->timers);
    kick_watch_init(&queue->kicks);
    idle->canary = cpu->canary;
    idle->last_switch_tsc = read_tsc();
    memset(&idle->affinity, 0xff, sizeof(idle->affinity));
    list_init(&idle->policy.link);
    atomic_store(&idle->cpu, cpu);
    atomic_store(&idle->state, THREAD_RUNNING);
    queue->idle = idle;
    cpu->current = idle;
    cpu->run_queue = queue;
}

void scheduler_init(uint64_t slice_ns, bool timer_off)
{
    struct percpu *cpu = this_cpu();

    scheduler_timer_off = timer_off;
    slice_ticks = clock_ns_to_ticks(slice_ns);
    cpu->system_ticks = clock_ns_to_ticks(clock_now_ns()); // the boot up to here
    boot_idle.stack_top = (uint64_t)boot_stack_top;
    init_queue(&boot_run_queue, cpu, &boot_idle);
    trace_keep(TRACE_NAME, boot_idle.id, trace_short_name(boot_idle.name));
}

int scheduler_init_cpu(struct percpu *cpu, struct thread *idle)
{
    struct run_queue *queue = memory_allocate(sizeof(*queue));

    if (!queue)
        return -ENOMEM;
    cpu->idle_ticks = clock_ns_to_ticks(clock_now_ns()); // up to here it had nothing to do
    init_queue(queue, cpu, idle);
    return 0;
}
