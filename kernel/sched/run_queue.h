// One CPU's run queue. Private to sched/; guarded by its lock unless said. The lock is the only one
// that crosses a switch: whoever continues releases it (scheduler.c, finish_switch).
#pragma once

#include "cpu/spinlock.h"
#include "sched/policy.h"

struct run_queue {
    struct spinlock lock;
    struct list_node queue; // runnable threads; order is the policy's
    uint32_t runnable_count;
    const struct policy *policy;
    struct thread *idle;
    struct thread *exited; // left for good by the last switch; buried by finish_switch
    uint64_t slice_ns;
    uint64_t slice_end_ns; // UINT64_MAX: nobody waits, so no end
};

// The register part of a switch; see switch.S for the contract. Interrupts off, lock held.
void switch_to(struct thread *previous, struct thread *next);
// Frees what an exited thread leaves. No lock held; interrupts in any state.
void thread_bury(struct thread *thread);
