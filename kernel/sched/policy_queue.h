// What the policies keep per queue; one of them uses its part, the fixed priorities use theirs.
// Guarded by the run-queue lock.
#pragma once

#include "lib/heap.h"
#include "lib/list.h"
#include "lib/types.h"
#include "sched/realtime.h"

struct policy;
struct thread;

struct round_robin_queue {
    struct list_node threads;
    struct list_node *last_first; // of those that go first, the last; &threads when there are none
};

// The runnable threads of one CPU but for the running one.
struct policy_queue {
    const struct policy *policy;
    uint64_t slice_ticks;     // a slice of the policy, by default
    struct thread *running;   // NULL: the CPU idles
    uint64_t accounted_until; // TSC: up to then, running's time is counted
    struct realtime_queue realtime;
    union {
        struct round_robin_queue round_robin;
    };
};
