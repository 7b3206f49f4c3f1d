// What a scheduling policy decides, and all it decides. Each policy is one small file; the
// scheduler calls the functions at the end. Each is called with the run-queue lock held, for the
// queue of one CPU. Times are TSC ticks.
#pragma once

#include "sched/thread.h"

// How a thread came to be runnable.
enum runnable_reason {
    RUNNABLE_WOKEN,              // by a running thread, or new
    RUNNABLE_WOKEN_BY_INTERRUPT, // by what it waited for in the world outside: time, a device
    RUNNABLE_YIELDED,            // it ran, and gave its turn away
    RUNNABLE_SLICE_OVER,         // it ran until its slice was used up
    RUNNABLE_PREEMPTED,          // it ran, and one that should_preempt() may take its place
    RUNNABLE_MOVED,              // it waited before, in another queue or with other rights
};

// The runnable threads of one CPU, in the policy's order. The running thread is in no queue.
struct policy_queue {
    const struct policy *policy;
    uint64_t slice_ticks; // by default
    struct list_node threads;
    struct list_node *last_first; // of those that go first, the last; &threads when there are none
};

struct policy {
    const char *name;
    // For a queue that is all zero but for the fields above.
    void (*init)(struct policy_queue *queue);
    // The thread became runnable. It may be the one that ran, before the next one is picked: then
    // it was accounted for.
    void (*enqueue)(struct policy_queue *queue, struct thread *thread, enum runnable_reason reason);
    // A runnable thread leaves the queue without running.
    void (*dequeue)(struct policy_queue *queue, struct thread *thread);
    // Takes out and returns the thread to run next; NULL when the queue is empty. Says in
    // policy.slice_left how long it may run from now on while others wait. When it stops, what is
    // left is there.
    struct thread *(*pick_next)(struct policy_queue *queue);
    // The running thread ran that long since it was picked or accounted for last. NULL: the policy
    // does not count.
    void (*account)(struct policy_queue *queue, struct thread *running, uint64_t ran_ticks);
    // Should a thread that was just enqueued run before the one that is running, which has run
    // ran_ticks that are not accounted for yet?
    bool (*should_preempt)(const struct policy_queue *queue, const struct thread *running,
                           uint64_t ran_ticks, const struct thread *woken,
                           enum runnable_reason reason);
    // A thread in the queue that may run on that CPU, of those the one that has waited longest as
    // far as that is cheap to know. NULL: none was found. It stays in the queue.
    struct thread *(*find_for)(const struct policy_queue *queue, uint32_t cpu_number);
    // The thread, in no queue and accounted for, leaves for another CPU's queue: what is kept of it
    // is made independent of this one. NULL: it always is.
    void (*leave)(struct policy_queue *queue, struct thread *thread);
};

extern const struct policy policy_round_robin;

// Of every queue; written only by policy_choose(), before scheduler_init(). False: unknown name,
// nothing changed.
extern const struct policy *policy_chosen;
must_check bool policy_choose(const char *name);

// For policies: find_for() in a list. At most a few are looked at, as the lock is held; who finds
// none among them comes again.
#define POLICY_LOOKED_AT_LIMIT 32u
static inline struct thread *policy_list_find_for(const struct list_node *threads,
                                                  uint32_t cpu_number)
{
    uint32_t left = POLICY_LOOKED_AT_LIMIT;

    for (struct list_node *link = threads->next; link != threads && left-- != 0;
         link = link->next) {
        struct thread *thread = list_entry(link, struct thread, policy.link);
        if (cpu_mask_has(&thread->affinity, cpu_number))
            return thread;
    }
    return NULL;
}

// For the scheduler.

static inline void policy_queue_init(struct policy_queue *queue, const struct policy *policy,
                                     uint64_t slice_ticks)
{
    *queue = (struct policy_queue){ .policy = policy, .slice_ticks = slice_ticks };
    policy->init(queue);
}

static inline void policy_enqueue(struct policy_queue *queue, struct thread *thread,
                                  enum runnable_reason reason)
{
    queue->policy->enqueue(queue, thread, reason);
}

static inline void policy_dequeue(struct policy_queue *queue, struct thread *thread)
{
    queue->policy->dequeue(queue, thread);
}

// A thread that stays runnable is accounted for and enqueued before the next one is picked; it may
// be picked again.
static inline struct thread *policy_pick_next(struct policy_queue *queue)
{
    return queue->policy->pick_next(queue);
}

// At `now` the running thread stops, or its rights are about to change.
static inline void policy_account(struct policy_queue *queue, struct thread *running,
                                  uint64_t ran_ticks, uint64_t now)
{
    if (queue->policy->account)
        queue->policy->account(queue, running, ran_ticks);
}

static inline bool policy_should_preempt(const struct policy_queue *queue,
                                         const struct thread *running, uint64_t ran_ticks,
                                         const struct thread *woken, enum runnable_reason reason)
{
    return queue->policy->should_preempt(queue, running, ran_ticks, woken, reason);
}

// The thread, in no queue (BLOCKED, MOVING, or about to be enqueued elsewhere), and accounted for
// if it ran, leaves this CPU for good.
static inline void policy_leave(struct policy_queue *queue, struct thread *thread)
{
    if (queue->policy->leave)
        queue->policy->leave(queue, thread);
}

// Takes out a thread for another CPU, which enqueues it with RUNNABLE_MOVED; NULL: none may go.
static inline struct thread *policy_steal(struct policy_queue *queue, uint32_t cpu_number)
{
    struct thread *thread = queue->policy->find_for(queue, cpu_number);

    if (thread) {
        policy_dequeue(queue, thread);
        policy_leave(queue, thread);
    }
    return thread;
}
