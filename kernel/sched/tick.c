// Deadlines: what the timer interrupt means, what the hardware timer is set to, and the idle loop.
// Called from the vector entry and by the scheduler. Invariant: with interrupts on, the LAPIC timer
// is armed no later than the earliest timer and the end of the slice, and is silent without either.
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "debug/latency.h"
#include "debug/log.h"
#include "lib/protection.h"
#include "sched/run_queue.h"
#include "sched/scheduler.h"
#include "sched/timer.h"

void timer_hardware_set(struct run_queue *queue, uint64_t deadline)
{
    queue->armed = deadline;
    if (scheduler_timer_is_off())
        return;
    if (deadline == UINT64_MAX) {
        lapic_timer_stop();
        return;
    }
    if (trace_enabled)
        trace(TRACE_TIMER_ARM, clock_ns_from_tsc(deadline), 0);
    lapic_timer_arm(deadline);
}

// The slice is over: say so and forget its end; the switch gives the next thread a new one. Under
// the lock, so that who adds a thread meanwhile sees either the end or that it is due. Nobody waits
// any more when another CPU has taken over who did.
static void end_slice(struct run_queue *queue, uint64_t now)
{
    spinlock_acquire(&queue->lock);
    queue->slice_end = UINT64_MAX;
    if (queue->waiting != 0) {
        current_thread()->policy.slice_left = 0;
        if (PROTECT_PREEMPT)
            run_queue_kick(queue, now);
    }
    spinlock_release(&queue->lock);
}

void scheduler_check_deadlines(void)
{
    struct run_queue *queue = this_cpu()->run_queue;
    uint64_t now = read_tsc();

    timer_expire_due(now);
    if (now >= queue->slice_end)
        end_slice(queue, now);
}

void scheduler_timer_interrupt(void)
{
    struct run_queue *queue = this_cpu()->run_queue;

    if (trace_enabled)
        trace(TRACE_TIMER_FIRE, clock_now_ns(), 0);
    queue->armed = UINT64_MAX; // one shot
    scheduler_check_deadlines();
    timer_hardware_update(queue);
}

// What others have too much of is looked for after it is known that we idle (run_queue_offer).
static void look_for_work(struct run_queue *queue)
{
    if (likely(cpu_count() == 1))
        return;
    idle_begin(queue->cpu);
    (void)run_queue_steal(queue);
}

// Interrupts are off between the look at the queue and the wait, so no wake-up falls in between:
// who sends one has set reschedule_due before. Drawing is idle time's work, piece by piece.
void scheduler_idle_loop(void)
{
    struct run_queue *queue = this_cpu()->run_queue;
    bool draws = queue->cpu->number == 0;

    interrupts_enable_now();
    if (draws)
        log_work_later();
    for (;;) {
        latency_mark((uint64_t)scheduler_idle_loop); // every turn is a preemption point
        if (draws && !reschedule_is_due() && log_work())
            continue;
        look_for_work(queue);
        interrupts_disable_now();
        if (queue->waiting != 0 || reschedule_is_due()) {
            interrupts_enable_now();
            schedule(SWITCH_BLOCKED);
        } else if (scheduler_timer_is_off()) {
            scheduler_check_deadlines();
            interrupts_enable_now();
            cpu_relax();
        } else {
            latency_end((uint64_t)scheduler_idle_loop);
            interrupts_wait();
            interrupts_enable_now();
        }
    }
}
