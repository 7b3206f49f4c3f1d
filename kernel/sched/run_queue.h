// One CPU's run queue. Private to sched/; guarded by its lock unless said. The lock is the only one
// that crosses a switch: whoever continues releases it (scheduler.c, finish_switch).
#pragma once

#include "cpu/spinlock.h"
#include "lib/load_average.h"
#include "sched/policy.h"
#include "sched/scheduler.h"

struct run_queue {
    struct spinlock lock;
    struct policy_queue queue; // runnable threads; order is the policy's
    uint32_t runnable_count;
    struct thread *idle;
    struct thread *exited; // left for good by the last switch; buried by finish_switch
    struct load_average load;
    struct scheduler_times told; // by scheduler_times(): what was said never falls

    // TSC values; UINT64_MAX: never. Written by this CPU with interrupts off.
    uint64_t slice_end;   // of the running thread; never while nobody waits
    uint64_t first_timer; // earliest deadline of the CPU's timers
    uint64_t armed;       // what the hardware timer is set to
};

// The register part of a switch; see switch.S for the contract. Interrupts off, lock held.
void switch_to(struct thread *previous, struct thread *next);
// Run time that ends now is booked: exact, split into user and system time by where interrupts
// fell. Lock held.
void run_time_account(const struct run_queue *queue, struct thread *previous, struct thread *next,
                      uint64_t now);
// Frees what an exited thread leaves. No lock held; interrupts in any state.
void thread_bury(struct thread *thread);

// tick.c: sets the hardware timer of this CPU, or stops it. Interrupts off.
void timer_hardware_set(struct run_queue *queue, uint64_t deadline);
// After slice_end or first_timer changed: the hardware is set no later than the earlier of the two,
// and stopped when neither is wanted. Interrupts off. While threads share the CPU an earlier
// setting is left as it is: the interrupt finds nothing due and sets the rest, at most one a slice,
// where every switch would have to write to the hardware. A thread alone is not interrupted for
// what is not wanted any more.
static inline void timer_hardware_update(struct run_queue *queue)
{
    uint64_t wanted = min_of(queue->slice_end, queue->first_timer);

    if (queue->armed == wanted || (queue->armed < wanted && queue->runnable_count != 0))
        return;
    timer_hardware_set(queue, wanted);
}
