// What a scheduling policy decides, and all it decides. Each policy is one small file. Every
// function is called with the run-queue lock held, for a queue of that one CPU.
#pragma once

#include "sched/thread.h"

// How a thread came to be runnable.
enum runnable_reason {
    RUNNABLE_WOKEN,              // by a running thread, or new
    RUNNABLE_WOKEN_BY_INTERRUPT, // by what it waited for in the world outside: time, a device
    RUNNABLE_YIELDED,            // it ran, and used its slice up or gave it away
    RUNNABLE_PREEMPTED,          // it ran, and one that should_preempt() took its place
};

// The runnable threads of one CPU, in the policy's order.
struct policy_queue {
    struct list_node threads;
    struct list_node *last_first; // of those that go first, the last; &threads when there are none
};

static inline void policy_queue_init(struct policy_queue *queue)
{
    list_init(&queue->threads);
    queue->last_first = &queue->threads;
}

struct policy {
    const char *name;
    // The thread became runnable.
    void (*enqueue)(struct policy_queue *queue, struct thread *thread, enum runnable_reason reason);
    // A runnable thread leaves the queue without running.
    void (*dequeue)(struct policy_queue *queue, struct thread *thread);
    // Takes out and returns the thread to run next; NULL when the queue is empty. Says in
    // policy.slice_left how long it may run from now on while others wait, in TSC ticks. When it
    // stops, what is left is there.
    struct thread *(*pick_next)(struct policy_queue *queue, uint64_t default_slice);
    // Should a thread that was just woken by an interrupt, and enqueued, run before the one that is
    // running?
    bool (*should_preempt)(const struct thread *running, const struct thread *woken);
};

extern const struct policy policy_round_robin;
