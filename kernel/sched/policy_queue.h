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

#define MLFQ_LEVELS 3u

struct mlfq_queue {
    struct list_node levels[MLFQ_LEVELS]; // the top first
    uint64_t slice_ticks[MLFQ_LEVELS], allotment_ticks[MLFQ_LEVELS];
    uint64_t boost_ticks, since_boost; // counted while threads run
    uint32_t boosts;
};

// virtual_time.h; by itself, what stride keeps.
struct virtual_queue {
    struct heap heap; // by virtual time
    uint64_t now;     // of whoever is furthest behind
    uint64_t limit;   // how far from it a thread may be that comes from another queue
    uint64_t told;    // others know of this much of `now`
};

struct lottery_queue {
    struct list_node threads; // in the drawing, most tickets first
    struct list_node winners; // with some of their slice left
    uint64_t tickets;         // of `threads`
    uint64_t random;
    struct thread *yielded; // not in the next drawing; NULL: all are
};

struct fair_queue {
    struct virtual_queue time;
    uint64_t waiting_weight; // of all in the heap
    uint64_t period_ticks, minimum_ticks, credit_ticks;
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
        struct mlfq_queue mlfq;
        struct virtual_queue stride;
        struct lottery_queue lottery;
        struct fair_queue fair;
    };
};
