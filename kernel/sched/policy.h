// What a scheduling policy decides, and all it decides. Each policy is one small file. Every
// function is called with the run-queue lock held, for a queue of that one CPU.
#pragma once

#include "sched/thread.h"

struct policy {
    const char *name;
    // The thread became runnable: newly woken, or preempted or yielding (it then goes last).
    void (*enqueue)(struct list_node *queue, struct thread *thread, bool woken);
    // A runnable thread leaves the queue without running.
    void (*dequeue)(struct list_node *queue, struct thread *thread);
    // Takes out and returns the thread to run next; NULL when the queue is empty.
    struct thread *(*pick_next)(struct list_node *queue);
    // Should a thread that just woke run before the one that is running?
    bool (*should_preempt)(const struct thread *running, const struct thread *woken);
    // How long the thread may run while others wait.
    uint64_t (*slice_ns)(const struct thread *thread, uint64_t default_slice_ns);
};

extern const struct policy policy_round_robin;
