// One CPU's run queue. Private to sched/; guarded by its lock unless said. The lock is the only one
// that crosses a switch: whoever continues releases it (scheduler.c, finish_switch).
#pragma once

#include "cpu/spinlock.h"
#include "lib/load_average.h"
#include "sched/policy.h"
#include "sched/scheduler.h"

struct run_queue {
    struct spinlock lock;
    struct list_node queue; // runnable threads; order is the policy's
    uint32_t runnable_count;
    const struct policy *policy;
    struct thread *idle;
    struct thread *exited; // left for good by the last switch; buried by finish_switch
    uint64_t slice_ns;
    uint64_t slice_end_ns; // UINT64_MAX: nobody waits, so no end
    struct load_average load;
    struct scheduler_times told; // by scheduler_times(): what was said never falls
};

// The register part of a switch; see switch.S for the contract. Interrupts off, lock held.
void switch_to(struct thread *previous, struct thread *next);
// Run time that ends now is booked: exact, split into user and system time by where interrupts
// fell. Lock held.
void run_time_account(struct percpu *cpu, struct thread *previous, struct thread *next,
                      enum switch_reason reason);
// The number of threads that run or want to may have changed. Lock held.
void run_queue_note_load(struct run_queue *queue, uint32_t count);
// Frees what an exited thread leaves. No lock held; interrupts in any state.
void thread_bury(struct thread *thread);
