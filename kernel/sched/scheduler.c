// The scheduler's core. Called by whoever blocks, by the exit gate, by wake-ups and by the timer
// interrupt. Invariants: a RUNNABLE thread is in exactly one queue; a RUNNING thread is the current
// thread of one CPU and in no queue; a slice has an end only while somebody waits.
#include "sched/scheduler.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/upcalls.h"
#include "debug/latency.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
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
    list_init(&queue->queue);
    queue->policy = &policy_round_robin;
    queue->slice_ns = slice_ns;
    queue->slice_end_ns = UINT64_MAX;
    queue->idle = &boot_idle;
    cpu->run_queue = queue;
    cpu->current = &boot_idle;
    boot_idle.cpu = cpu;
    boot_idle.stack_top = (uint64_t)boot_stack_top;
    boot_idle.canary = cpu->canary;
    boot_idle.last_switch_tsc = read_tsc();
    memset(&boot_idle.affinity, 0xff, sizeof(boot_idle.affinity));
    list_init(&boot_idle.policy.link);
    atomic_store(&boot_idle.state, THREAD_RUNNING);
    timers_init();
}

static bool is_idle(const struct thread *thread)
{
    return thread == thread->cpu->run_queue->idle;
}

static void enqueue_thread(struct run_queue *queue, struct thread *thread, bool woken)
{
    atomic_store(&thread->state, THREAD_RUNNABLE);
    queue->policy->enqueue(&queue->queue, thread, woken);
    queue->runnable_count++;
}

// Somebody waits now: the running thread's slice gets an end, counted from now.
static void start_slice(struct run_queue *queue, struct thread *running)
{
    if (queue->runnable_count == 0 || is_idle(running))
        queue->slice_end_ns = UINT64_MAX;
    else
        queue->slice_end_ns = clock_now_ns() + queue->policy->slice_ns(running, queue->slice_ns);
    scheduler_program_timer();
}

// After a switch, on the new thread's stack: passes the lock on and buries who left for good.
static void finish_switch(void)
{
    struct run_queue *queue = this_cpu()->run_queue;
    struct thread *exited = queue->exited;

    queue->exited = NULL;
    spinlock_release(&queue->lock);
    if (exited)
        thread_bury(exited);
    latency_mark((uint64_t)schedule);
}

void thread_started(void)
{
    finish_switch();
}

// Where the running thread goes. False: it keeps the CPU, because it was woken between
// wait_prepare() and here (thread_wake() then made it RUNNING again under this lock).
static bool retire_current(struct run_queue *queue, struct thread *current,
                           enum switch_reason reason)
{
    if (is_idle(current))
        return true;
    if (reason == SWITCH_EXITED) {
        atomic_store(&current->state, THREAD_EXITED);
        queue->exited = current;
    } else if (reason == SWITCH_BLOCKED) {
        return atomic_load(&current->state) == THREAD_BLOCKED;
    } else {
        enqueue_thread(queue, current, false);
    }
    return true;
}

static struct thread *take_next(struct run_queue *queue)
{
    struct thread *next = queue->policy->pick_next(&queue->queue);

    if (!next)
        return queue->idle;
    queue->runnable_count--;
    return next;
}

void schedule(enum switch_reason reason)
{
    spinlock_assert_held_count(0);
    kassert(interrupts_are_on());
    struct percpu *cpu = this_cpu();
    struct run_queue *queue = cpu->run_queue;
    struct thread *current = current_thread();

    kassert(reason == SWITCH_BLOCKED || atomic_load(&current->state) == THREAD_RUNNING);
    latency_end((uint64_t)__builtin_return_address(0));
    spinlock_acquire(&queue->lock);
    if (!retire_current(queue, current, reason)) {
        // What is due stays due: the end of the slice was told once and is not told again.
        spinlock_release(&queue->lock);
        latency_mark((uint64_t)schedule);
        return;
    }
    atomic_store_explicit(&cpu->reschedule_due, false, memory_order_relaxed);
    struct thread *next = take_next(queue);
    atomic_store(&next->state, THREAD_RUNNING);
    run_queue_note_load(queue, queue->runnable_count + !is_idle(next));
    start_slice(queue, next);
    if (next != current) {
        run_time_account(cpu, current, next, reason);
        trace(TRACE_SWITCH, next->id, reason);
        switch_to(current, next);
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

// Makes a thread runnable on its CPU. The run-queue lock is held.
static void make_runnable(struct percpu *cpu, struct run_queue *queue, struct thread *thread)
{
    struct thread *running = cpu->current;

    enqueue_thread(queue, thread, true);
    run_queue_note_load(queue, queue->runnable_count + !is_idle(running));
    if (is_idle(running) || queue->policy->should_preempt(running, thread))
        atomic_store_explicit(&cpu->reschedule_due, true, memory_order_relaxed);
    else if (queue->slice_end_ns == UINT64_MAX)
        start_slice(queue, running);
}

void thread_start(struct thread *thread)
{
    struct run_queue *queue = thread->cpu->run_queue;

    spinlock_acquire(&queue->lock);
    kassert(atomic_load(&thread->state) == THREAD_NEW);
    make_runnable(thread->cpu, queue, thread);
    spinlock_release(&queue->lock);
}

// BLOCKED and still on its CPU means: between wait_prepare() and the switch. It has not left, so it
// simply goes on. Both this and the switch happen under the run-queue lock, so no wake-up is lost.
static bool wake_locked(struct run_queue *queue, struct thread *thread)
{
    if (atomic_load(&thread->state) != THREAD_BLOCKED)
        return false;
    trace(TRACE_WAKE, thread->id, current_thread()->id);
    if (thread->cpu->current == thread)
        atomic_store(&thread->state, THREAD_RUNNING);
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

static never_inlined void add_work_and_wake(struct thread *thread, uint32_t work)
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

    return cpu->run_queue->runnable_count + (is_idle(cpu->current) ? 0 : 1);
}
