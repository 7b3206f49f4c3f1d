// What a scheduling policy decides, and all it decides. Each policy is one small file behind
// `struct policy`; the scheduler calls the policy_ functions, which put SCHED_FIFO and SCHED_RR
// threads before the policy's (realtime.h). Everything here is called with the run-queue lock held,
// for the queue of one CPU. Times are TSC ticks.
#pragma once

#include "sched/policy_queue.h"
#include "sched/thread.h"

// How a thread came to be runnable.
enum runnable_reason {
    RUNNABLE_WOKEN,              // by a running thread, or new
    RUNNABLE_WOKEN_BY_INTERRUPT, // by what it waited for in the world outside: time, a device
    RUNNABLE_YIELDED,            // it ran, and gave its turn away
    RUNNABLE_SLICE_OVER,         // it ran until its slice was used up
    RUNNABLE_PREEMPTED,          // it ran, and one that should_preempt() may take its place
    RUNNABLE_MOVED,              // it waited before: in another queue, or with other rights
};

struct policy {
    const char *name;
    // For a queue that is all zero but for the fields that all policies share.
    void (*init)(struct policy_queue *queue);
    // The thread became runnable. When it is queue->running, the next one is picked after this.
    void (*enqueue)(struct policy_queue *queue, struct thread *thread, enum runnable_reason reason);
    // A runnable thread leaves the queue without running.
    void (*dequeue)(struct policy_queue *queue, struct thread *thread);
    // Takes out and returns the thread to run next; NULL when the queue is empty. Says in
    // policy.slice_left how long it may run from now on while others wait. When it stops, what is
    // left is there.
    struct thread *(*pick_next)(struct policy_queue *queue);
    // queue->running ran that long since it was picked or accounted for last. NULL: the policy does
    // not count.
    void (*account)(struct policy_queue *queue, uint64_t ran_ticks);
    // Should a thread that was just enqueued run before queue->running?
    bool (*should_preempt)(const struct policy_queue *queue, const struct thread *woken,
                           enum runnable_reason reason);
    // A thread in the queue that may run on that CPU; of those the one that has waited longest, as
    // far as that is cheap to know. NULL: none was found. It stays in the queue.
    struct thread *(*find_for)(const struct policy_queue *queue, uint32_t cpu_number);
    // The thread, in no queue, leaves for another CPU's queue: what is kept of it is made
    // independent of this one. NULL: it always is.
    void (*leave)(struct policy_queue *queue, struct thread *thread);
};

extern const struct policy policy_round_robin, policy_mlfq, policy_stride, policy_lottery,
    policy_fair;

// Of every queue; written only by policy_choose(), before scheduler_init(). False: unknown name,
// nothing changed.
extern const struct policy *policy_chosen;
must_check bool policy_choose(const char *name);
// The policies there are, by number; NULL: no more.
const struct policy *policy_by_number(uint32_t number);

// For the scheduler.

// A slice and a second in TSC ticks.
void policy_queue_init(struct policy_queue *queue, const struct policy *policy,
                       uint64_t slice_ticks, uint64_t second_ticks);

// Up to `now`, the running thread has its time counted: before any of the functions below.
static inline void policy_account(struct policy_queue *queue, uint64_t now)
{
    int64_t ran_ticks = (int64_t)(now - queue->accounted_until);

    if (!queue->running || ran_ticks <= 0)
        return;
    queue->accounted_until = now;
    if (unlikely(queue->running->policy.rights.realtime_priority))
        realtime_account(queue, (uint64_t)ran_ticks, now);
    else if (queue->policy->account)
        queue->policy->account(queue, (uint64_t)ran_ticks);
}

// The thread became runnable: it woke, or it ran and stays runnable; then this comes before
// policy_pick_next(), which may take it again.
static inline void policy_enqueue(struct policy_queue *queue, struct thread *thread,
                                  enum runnable_reason reason)
{
    if (unlikely(thread->policy.rights.realtime_priority))
        realtime_enqueue(queue, thread, reason);
    else
        queue->policy->enqueue(queue, thread, reason);
}

// A thread that waits leaves the queue: to another one (then policy_leave() is next), or because
// its mask or its rights change.
static inline void policy_dequeue(struct policy_queue *queue, struct thread *thread)
{
    if (unlikely(thread->policy.rights.realtime_priority))
        realtime_dequeue(queue, thread);
    else
        queue->policy->dequeue(queue, thread);
}

// The CPU switches now. Takes out the thread to run; NULL: nobody wants to, the CPU idles. Its
// policy.slice_left says how long it may run while others wait.
static inline struct thread *policy_pick_next(struct policy_queue *queue, uint64_t now)
{
    struct thread *next = unlikely(!heap_is_empty(&queue->realtime.heap))
                              ? realtime_pick_next(queue, now)
                              : queue->policy->pick_next(queue);
    queue->running = next;
    queue->accounted_until = now;
    return next;
}

// Should a thread that was just woken and enqueued run before the one that is running? True when
// the CPU idles.
static inline bool policy_should_preempt(const struct policy_queue *queue,
                                         const struct thread *woken, enum runnable_reason reason)
{
    const struct thread *running = queue->running;

    if (!running)
        return true;
    if (unlikely(running->policy.rights.realtime_priority | woken->policy.rights.realtime_priority))
        return realtime_should_preempt(queue, woken);
    return queue->policy->should_preempt(queue, woken, reason);
}

// The thread, in no queue (BLOCKED, MOVING, dequeued), leaves this CPU's queue for another one.
static inline void policy_leave(struct policy_queue *queue, struct thread *thread)
{
    if (queue->policy->leave)
        queue->policy->leave(queue, thread);
}

// Takes out a thread for another CPU, which enqueues it with RUNNABLE_MOVED; NULL: none may go.
struct thread *policy_steal(struct policy_queue *queue, uint32_t cpu_number);

// The thread has other rights from `now` on. `waits`: it is in this queue; else it runs, sleeps or
// is new.
void policy_set_rights(struct policy_queue *queue, struct thread *thread,
                       const struct thread_rights *rights, bool waits, uint64_t now);

// For policies.

// find_for() in a list, in its order, and in a heap. At most so many are looked at, as the lock is
// held: whom this does not find is offered again at the end of each slice, until it is among them
// or its turn has come.
#define POLICY_LOOKED_AT_LIMIT 32u
struct thread *policy_list_find_for(const struct list_node *threads, uint32_t cpu_number);
struct thread *policy_heap_find_for(const struct heap *threads, uint32_t cpu_number);
