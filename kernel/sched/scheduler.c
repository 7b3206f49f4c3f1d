// The scheduler's core. Called by whoever blocks, by the exit gate, by wake-ups and by the timer
// interrupt. Invariants: a RUNNABLE thread is in exactly one queue; a RUNNING thread is the current
// thread of one CPU and in no queue; a slice has an end only while somebody waits.
#include "sched/scheduler.h"

#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "cpu/upcalls.h"
#include "debug/latency.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/frame.h"
#include "sched/run_queue.h"

// From now on the thread wants to run; if it has been moved, it did so before.
static void note_wait(struct thread *thread, enum runnable_reason reason, uint64_t now)
{
    if (reason == RUNNABLE_MOVED)
        return;
    thread->waiting_since = now;
    thread->wait_kind = reason == RUNNABLE_WOKEN || reason == RUNNABLE_WOKEN_BY_INTERRUPT
                            ? HISTOGRAM_WAKE_UP
                            : HISTOGRAM_TURN;
}

static inline void enqueue_thread(struct run_queue *queue, struct thread *thread,
                                  enum runnable_reason reason, uint64_t now)
{
    atomic_store_explicit(&thread->state, THREAD_RUNNABLE, memory_order_relaxed);
    note_wait(thread, reason, now);
    policy_enqueue(&queue->queue, thread, reason);
    run_queue_count_waiter(queue, thread);
}

// The idle thread when nobody wants to run.
static struct thread *take_next(struct run_queue *queue, uint64_t now)
{
    struct thread *next = policy_pick_next(&queue->queue, now);

    if (!next)
        return queue->idle;
    run_queue_discount_waiter(queue, next);
    return next;
}

// One thread more runs or wants to, or one fewer.
static void note_load(struct run_queue *queue, int32_t change, uint64_t now)
{
    load_average_change(&queue->load, max_of(now, queue->load.changed),
                        queue->load.count + (uint32_t)change);
}

// Once somebody waits, the running thread's slice has an end, counted from now. (Who is told to go,
// but has not gone yet, gets none: want_slice().) When the next one is the idle thread, nobody
// waits.
static void start_slice(struct run_queue *queue, const struct thread *running, uint64_t now)
{
    queue->slice_end = queue->waiting == 0 ? UINT64_MAX : now + running->policy.slice_left;
    timer_hardware_update(queue);
}

// What the running thread did not use is kept. After end_slice() that is nothing, and there
// already.
static void keep_slice(const struct run_queue *queue, struct thread *running, uint64_t now)
{
    if (queue->slice_end != UINT64_MAX)
        running->policy.slice_left = queue->slice_end > now ? queue->slice_end - now : 0;
}

// Who left in the last switch, and whose context is complete now.
static void see_off(struct thread *thread)
{
    if (thread_state(thread) == THREAD_MOVING)
        thread_move_end(thread, RUNNABLE_MOVED);
    else
        thread_bury(thread);
}

// After a switch, on the new thread's stack: passes the lock on and sees off who left this CPU.
static void finish_switch(void)
{
    struct run_queue *queue = this_cpu()->run_queue;
    struct thread *left = queue->left;

    if (unlikely(left))
        queue->left = NULL;
    spinlock_release_outermost(&queue->lock);
    if (unlikely(left))
        see_off(left);
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

never_inlined static void leave_for(struct run_queue *queue, struct thread *current,
                                    struct percpu *target, enum runnable_reason reason,
                                    uint64_t now)
{
    note_wait(current, reason, now);
    policy_leave(&queue->queue, current);
    queue->left_for = target;
    queue->left = current;
}

// The running thread goes on to another CPU, or waits here. One that makes way before its slice is
// over may be the first here that an idle CPU may run: those who waited already were offered when
// they came.
inlined_always void enqueue_or_leave(struct run_queue *queue, struct thread *current,
                                     enum runnable_reason reason, uint64_t now)
{
    if (unlikely(!run_queue_is_allowed(queue, current))) {
        leave_for(queue, current, thread_place_new(current), reason, now);
        return;
    }
    enqueue_thread(queue, current, reason, now);
    if (unlikely(cpu_count() != 1) && reason != RUNNABLE_SLICE_OVER && run_queue_waiting(queue) > 1)
        run_queue_offer_among(queue, current);
}

// Who idles elsewhere may have looked at many that must stay here and not have come to one that
// need not (policy.h). That one is nearer to its turn now.
static void offer_again(const struct run_queue *queue)
{
    if (run_queue_movable(queue) != 0 && run_queue_waiting(queue) > POLICY_LOOKED_AT_LIMIT)
        run_queue_offer_rest(queue);
}

// Its slice is over, and the policy has chosen another: it goes on where fewer are, if that is
// somewhere. Who is chosen again is behind all others here and has nothing to gain elsewhere.
never_inlined static void leave_for_lighter(struct run_queue *queue, struct thread *current,
                                            uint64_t now)
{
    struct percpu *target = queue->left_for ? NULL : thread_place_lighter(queue, current);

    offer_again(queue);
    if (!target)
        return;
    policy_dequeue(&queue->queue, current);
    run_queue_discount_waiter(queue, current);
    atomic_store_explicit(&current->state, THREAD_RUNNING, memory_order_relaxed);
    leave_for(queue, current, target, RUNNABLE_SLICE_OVER, now);
}

// Where the running thread goes. Returns why it goes: who is told to leave before its slice is used
// up makes way for one that was woken.
static enum switch_reason retire_current(struct run_queue *queue, struct thread *current,
                                         enum switch_reason reason, uint64_t now)
{
    enum runnable_reason waits = RUNNABLE_YIELDED;

    if (reason == SWITCH_EXITED) {
        atomic_store_explicit(&current->state, THREAD_EXITED, memory_order_relaxed);
        queue->left = current;
        return reason;
    }
    if (reason != SWITCH_YIELDED)
        keep_slice(queue, current, now);
    if (reason == SWITCH_BLOCKED)
        return reason;
    if (reason != SWITCH_YIELDED) {
        bool is_over = current->policy.slice_left == 0;
        reason = is_over ? SWITCH_SLICE_OVER : SWITCH_WOKEN_BETTER;
        waits = is_over ? RUNNABLE_SLICE_OVER : RUNNABLE_PREEMPTED;
    }
    enqueue_or_leave(queue, current, waits, now);
    return reason;
}

// Who stops, and whether it wants to go on here.
static void note_gone(struct run_queue *queue, struct thread *thread, enum switch_reason reason,
                      uint64_t now)
{
    if (thread_state(thread) != THREAD_RUNNABLE)
        note_load(queue, -1, now);
    if (reason == SWITCH_BLOCKED || reason == SWITCH_YIELDED)
        thread->voluntary_switches++;
    else if (reason != SWITCH_EXITED)
        thread->involuntary_switches++;
}

// A switch happens: how long was it due, and how long has the next thread waited?
static void note_latencies(struct run_queue *queue, const struct thread *next, uint64_t now)
{
    if (queue->due_since != 0)
        histogram_count(queue->cpu, HISTOGRAM_DUE_TO_SWITCH, queue->due_since, now);
    queue->due_since = 0;
    if (next != queue->idle)
        histogram_count(queue->cpu, next->wait_kind, next->waiting_since, now);
}

// Its run time is booked: others may look for it in its new CPU's queue from now on, where they
// would miss what is not.
never_inlined static void begin_to_move(struct run_queue *queue, struct thread *current)
{
    thread_move_begin(current, queue->left_for);
    queue->left_for = NULL;
}

static void switch_from(struct run_queue *queue, struct thread *current, enum switch_reason reason)
{
    uint64_t now = read_tsc(); // the one reading of a switch

    bool was_idle = current == queue->idle;

    policy_account(&queue->queue, now);
    if (likely(!was_idle))
        reason = retire_current(queue, current, reason, now);
    else
        idle_end(queue->cpu);
    struct thread *next = take_next(queue, now);
    if (unlikely(cpu_count() != 1) && reason == SWITCH_SLICE_OVER && next != current && !was_idle)
        leave_for_lighter(queue, current, now);
    atomic_store_explicit(&next->state, THREAD_RUNNING, memory_order_relaxed);
    start_slice(queue, next, now);
    if (unlikely(was_idle && run_queue_movable(queue) != 0) && cpu_count() != 1)
        run_queue_offer_rest(queue);
    run_time_account(queue, current, next, now);
    if (next == current) // the policy's choice again
        return;
    if (likely(!was_idle))
        note_gone(queue, current, reason, now);
    note_latencies(queue, next, now);
    trace(TRACE_SWITCH, next->id | frames_in_use() << 32,
          reason | (uint64_t)run_queue_waiting(queue) << 8);
    if (unlikely(queue->left_for))
        begin_to_move(queue, current);
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
    bool wants_to_run = thread_state(current) == THREAD_RUNNING;
    // Woken between wait_prepare() and here: thread_wake() made it RUNNING again under this lock.
    // It goes on, and what is due stays due: the end of the slice was told once and is not told
    // again.
    if (reason != SWITCH_BLOCKED || !wants_to_run || current == queue->idle) {
        atomic_store_explicit(&this_cpu()->reschedule_due, false, memory_order_relaxed);
        if (queue->waiting != 0 || !wants_to_run || reason == SWITCH_EXITED ||
            !run_queue_is_allowed(queue, current))
            switch_from(queue, current, reason);
        else
            queue->due_since = 0;
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

void run_queue_kick(struct run_queue *queue, uint64_t now)
{
    struct percpu *cpu = queue->cpu;

    // Who set it has sent the interrupt, or it is this CPU that has set it and passes the gate.
    if (atomic_load_explicit(&cpu->reschedule_due, memory_order_relaxed)) {
        if (unlikely(cpu != this_cpu()))
            kick_note(cpu);
        return;
    }
    queue->due_since = now;
    atomic_store_explicit(&cpu->reschedule_due, true, memory_order_release);
    if (unlikely(cpu != this_cpu()))
        kick_send(cpu);
}

// Somebody waits now, and the running thread has no end of its slice: that is set on its own CPU,
// whose timer it is.
static void want_slice(struct run_queue *queue, uint64_t now)
{
    const struct thread *running = queue->queue.running;

    if (queue->slice_end != UINT64_MAX ||
        atomic_load_explicit(&queue->cpu->reschedule_due, memory_order_relaxed))
        return;
    if (likely(queue->cpu == this_cpu())) {
        queue->slice_end = now + running->policy.slice_left;
        timer_hardware_update(queue);
    } else {
        kick_send(queue->cpu);
    }
}

void run_queue_add(struct run_queue *queue, struct thread *thread, enum runnable_reason reason)
{
    uint64_t now = read_tsc();

    policy_account(&queue->queue, now);
    enqueue_thread(queue, thread, reason, now);
    note_load(queue, 1, now);
    if (!queue->queue.running) {
        run_queue_kick(queue, now);
        return;
    }
    if (PROTECT_PREEMPT && policy_should_preempt(&queue->queue, thread, reason))
        run_queue_kick(queue, now);
    else
        want_slice(queue, now);
    run_queue_offer(queue, thread);
}

void run_queue_remove(struct run_queue *queue, struct thread *thread)
{
    policy_dequeue(&queue->queue, thread);
    policy_leave(&queue->queue, thread);
    run_queue_discount_waiter(queue, thread);
    note_load(queue, -1, read_tsc());
}

struct thread *run_queue_take_for(struct run_queue *queue, uint32_t cpu_number)
{
    struct thread *thread = policy_steal(&queue->queue, cpu_number);

    if (!thread)
        return NULL;
    run_queue_discount_waiter(queue, thread);
    note_load(queue, -1, read_tsc());
    return thread;
}

// Another CPU has put a thread into our queue, or wants us to look; reschedule_due says the rest.
void scheduler_reschedule_interrupt(void)
{
    struct run_queue *queue = this_cpu()->run_queue;

    spinlock_acquire(&queue->lock);
    if (queue->waiting != 0 && current_thread() != queue->idle)
        want_slice(queue, read_tsc());
    spinlock_release(&queue->lock);
}
