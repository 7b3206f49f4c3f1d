// The scheduler's core. Called by whoever blocks, by the exit gate, by wake-ups and by the timer
// interrupt. Invariants: a RUNNABLE thread is in exactly one queue; a RUNNING thread is the current
// thread of one CPU and in no queue; a slice has an end only while somebody waits.
#include "sched/scheduler.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "cpu/upcalls.h"
#include "debug/latency.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "sched/run_queue.h"
#include "sched/timer.h"

static struct run_queue boot_run_queue = {
    .lock = SPINLOCK_INIT("run queue", LOCK_RANK_RUN_QUEUE),
};
static struct thread boot_idle = { .name = "idle" };
bool scheduler_timer_off;

extern char boot_stack_top[]; // start.S

void scheduler_init(uint64_t slice_ns, bool timer_off)
{
    struct percpu *cpu = this_cpu();
    struct run_queue *queue = &boot_run_queue;

    scheduler_timer_off = timer_off;
    policy_queue_init(&queue->queue, policy_chosen, clock_ns_to_ticks(slice_ns), clock_tsc_hz());
    queue->slice_end = queue->first_timer = queue->armed = UINT64_MAX;
    queue->load.hz = clock_tsc_hz();
    queue->idle = &boot_idle;
    cpu->run_queue = queue;
    cpu->system_ticks = clock_ns_to_ticks(clock_now_ns()); // the boot up to here
    cpu->current = &boot_idle;
    boot_idle.cpu = cpu;
    boot_idle.stack_top = (uint64_t)boot_stack_top;
    boot_idle.canary = cpu->canary;
    boot_idle.last_switch_tsc = read_tsc();
    memset(&boot_idle.affinity, 0xff, sizeof(boot_idle.affinity));
    list_init(&boot_idle.policy.link);
    atomic_store(&boot_idle.state, THREAD_RUNNING);
    trace_keep(TRACE_NAME, boot_idle.id, trace_short_name(boot_idle.name));
    timers_init();
}

static void enqueue_thread(struct run_queue *queue, struct thread *thread,
                           enum runnable_reason reason, uint64_t now)
{
    atomic_store_explicit(&thread->state, THREAD_RUNNABLE, memory_order_relaxed);
    policy_enqueue(&queue->queue, thread, reason, now);
    queue->runnable_count++;
}

// The idle thread when nobody wants to run.
static struct thread *take_next(struct run_queue *queue, uint64_t now)
{
    struct thread *next = policy_pick_next(&queue->queue, now);

    if (!next)
        return queue->idle;
    queue->runnable_count--;
    return next;
}

// Threads that run or want to may have become more or fewer.
static void note_load(struct run_queue *queue, const struct thread *running, uint64_t now)
{
    uint32_t count = queue->runnable_count + (running != queue->idle);

    if (count != queue->load.count)
        load_average_change(&queue->load, now, count);
}

// Once somebody waits, the running thread's slice has an end, counted from now. (Who is told to go,
// but has not gone yet, gets none: make_runnable().)
static void start_slice(struct run_queue *queue, const struct thread *running, uint64_t now)
{
    if (queue->runnable_count == 0 || running == queue->idle)
        queue->slice_end = UINT64_MAX;
    else
        queue->slice_end = now + running->policy.slice_left;
    timer_hardware_update(queue);
}

// What the running thread did not use is kept. After end_slice() that is nothing, and there
// already.
static void keep_slice(const struct run_queue *queue, struct thread *running, uint64_t now)
{
    if (queue->slice_end != UINT64_MAX)
        running->policy.slice_left = queue->slice_end > now ? queue->slice_end - now : 0;
}

// After a switch, on the new thread's stack: passes the lock on and buries who left for good.
static void finish_switch(void)
{
    struct run_queue *queue = this_cpu()->run_queue;
    struct thread *exited = queue->exited;

    if (unlikely(exited))
        queue->exited = NULL;
    spinlock_release_outermost(&queue->lock);
    if (unlikely(exited))
        thread_bury(exited);
    latency_mark((uint64_t)schedule);
}

// The first step on the new thread's stack.
static void note_switched(void)
{
    if (unlikely(trace_enabled))
        trace_switched(current_thread()->id, current_thread()->stack_top);
}

void thread_started(void)
{
    note_switched();
    finish_switch();
}

// Where the running thread goes. Returns why it goes: who is told to leave before its slice is used
// up makes way for one that was woken.
static enum switch_reason retire_current(struct run_queue *queue, struct thread *current,
                                         enum switch_reason reason, uint64_t now)
{
    switch (reason) {
    case SWITCH_BLOCKED:
        keep_slice(queue, current, now);
        break;
    case SWITCH_EXITED:
        atomic_store_explicit(&current->state, THREAD_EXITED, memory_order_relaxed);
        queue->exited = current;
        break;
    case SWITCH_YIELDED:
        enqueue_thread(queue, current, RUNNABLE_YIELDED, now);
        break;
    case SWITCH_SLICE_OVER:
    case SWITCH_WOKEN_BETTER:
        keep_slice(queue, current, now);
        reason = current->policy.slice_left ? SWITCH_WOKEN_BETTER : SWITCH_SLICE_OVER;
        enqueue_thread(queue, current,
                       reason == SWITCH_SLICE_OVER ? RUNNABLE_SLICE_OVER : RUNNABLE_PREEMPTED, now);
        break;
    }
    return reason;
}

static void count_switch(struct thread *thread, enum switch_reason reason)
{
    if (reason == SWITCH_BLOCKED || reason == SWITCH_YIELDED)
        thread->voluntary_switches++;
    else if (reason != SWITCH_EXITED)
        thread->involuntary_switches++;
}

static void switch_from(struct run_queue *queue, struct thread *current, enum switch_reason reason)
{
    uint64_t now = read_tsc(); // the one reading of a switch

    if (current != queue->idle)
        reason = retire_current(queue, current, reason, now);
    struct thread *next = take_next(queue, now);
    atomic_store_explicit(&next->state, THREAD_RUNNING, memory_order_relaxed);
    start_slice(queue, next, now);
    run_time_account(queue, current, next, now);
    if (next == current) // the policy's choice again
        return;
    if (current != queue->idle)
        count_switch(current, reason);
    note_load(queue, next, now);
    trace(TRACE_SWITCH, next->id | frames_in_use() << 32,
          reason | (uint64_t)queue->runnable_count << 8);
    switch_to(current, next);
    note_switched();
}

void schedule(enum switch_reason reason)
{
    spinlock_assert_held_count(0);
    struct run_queue *queue = this_cpu()->run_queue;
    struct thread *current = current_thread();

    if (DEBUG_CHECKS)
        kassert(reason == SWITCH_BLOCKED || thread_state(current) == THREAD_RUNNING);
    latency_end((uint64_t)__builtin_return_address(0));
    spinlock_acquire_outermost(&queue->lock);
    bool can_stay = thread_state(current) == THREAD_RUNNING && reason != SWITCH_EXITED;
    // Woken between wait_prepare() and here: thread_wake() made it RUNNING again under this lock.
    // It goes on, and what is due stays due: the end of the slice was told once and is not told
    // again.
    if (!can_stay || reason != SWITCH_BLOCKED || current == queue->idle) {
        atomic_store_explicit(&this_cpu()->reschedule_due, false, memory_order_relaxed);
        if (!can_stay || queue->runnable_count != 0)
            switch_from(queue, current, reason);
    }
    finish_switch();
}

void preempt_point(void)
{
    spinlock_assert_held_count(0);
    latency_mark((uint64_t)__builtin_return_address(0));
    if (reschedule_is_due())
        schedule(SWITCH_SLICE_OVER);
}

void scheduler_yield(void)
{
    if (PROTECT_YIELD)
        schedule(SWITCH_YIELDED);
}

static bool should_preempt(const struct run_queue *queue, const struct thread *woken,
                           enum runnable_reason reason)
{
    return (PROTECT_PREEMPT || !queue->queue.running) &&
           policy_should_preempt(&queue->queue, woken, reason);
}

// Makes a thread runnable on its CPU. The run-queue lock is held.
static void make_runnable(struct percpu *cpu, struct run_queue *queue, struct thread *thread)
{
    struct thread *running = cpu->current;
    uint64_t now = read_tsc();

    enum runnable_reason reason =
        interrupts_were_on() ? RUNNABLE_WOKEN : RUNNABLE_WOKEN_BY_INTERRUPT;
    enqueue_thread(queue, thread, reason, now);
    note_load(queue, running, now);
    if (should_preempt(queue, thread, reason))
        atomic_store_explicit(&cpu->reschedule_due, true, memory_order_relaxed);
    else if (queue->slice_end == UINT64_MAX &&
             !atomic_load_explicit(&cpu->reschedule_due, memory_order_relaxed))
        start_slice(queue, running, now);
}

void thread_start(struct thread *thread)
{
    struct run_queue *queue = thread->cpu->run_queue;

    spinlock_acquire(&queue->lock);
    kassert(thread_state(thread) == THREAD_NEW);
    make_runnable(thread->cpu, queue, thread);
    spinlock_release(&queue->lock);
}

// BLOCKED and still on its CPU means: between wait_prepare() and the switch. It has not left, so it
// simply goes on. Both this and the switch happen under the run-queue lock, so no wake-up is lost.
static bool wake_locked(struct run_queue *queue, struct thread *thread)
{
    if (thread_state(thread) != THREAD_BLOCKED)
        return false;
    trace(TRACE_WAKE, thread->id, current_thread()->id);
    if (thread->cpu->current == thread)
        atomic_store_explicit(&thread->state, THREAD_RUNNING, memory_order_relaxed);
    else
        make_runnable(thread->cpu, queue, thread);
    return true;
}

bool thread_wake(struct thread *thread)
{
    struct run_queue *queue = thread->cpu->run_queue;

    spinlock_acquire(&queue->lock);
    bool woken = wake_locked(queue, thread);
    spinlock_release(&queue->lock);
    return woken;
}

never_inlined static void add_work_and_wake(struct thread *thread, uint32_t work)
{
    struct run_queue *queue = thread->cpu->run_queue;

    spinlock_acquire(&queue->lock);
    atomic_fetch_or_explicit(&thread->work, work, memory_order_release);
    if (thread->wait_interruptible)
        (void)wake_locked(queue, thread);
    spinlock_release(&queue->lock);
}

void thread_add_work(struct thread *thread, uint32_t work)
{
    // It runs here, so nobody need wake it; before it can sleep it looks (wait_block).
    if (thread == current_thread() &&
        atomic_load_explicit(&thread->state, memory_order_relaxed) == THREAD_RUNNING)
        atomic_fetch_or_explicit(&thread->work, work, memory_order_relaxed);
    else
        add_work_and_wake(thread, work);
}

int thread_set_affinity(struct thread *thread, const struct cpu_mask *mask)
{
    struct run_queue *queue = thread->cpu->run_queue;

    if (!(mask->words[0] & 1)) // CPU 0 is the one that runs
        return -EINVAL;
    spinlock_acquire(&queue->lock);
    thread->affinity = *mask;
    spinlock_release(&queue->lock);
    return 0;
}

uint32_t scheduler_runnable_count(void)
{
    struct percpu *cpu = this_cpu();

    return cpu->run_queue->runnable_count + (cpu->current != cpu->run_queue->idle);
}
