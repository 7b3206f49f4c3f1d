// SCHED_FIFO and SCHED_RR: fixed priorities, in front of whatever policy is chosen. Called by the
// policy_ functions (policy.h), with the run-queue lock held.
#pragma once

#include "lib/heap.h"
#include "lib/types.h"

struct policy_queue;
struct thread;
enum runnable_reason;

#define REALTIME_SLICE_NS 100000000ull // of SCHED_RR

struct realtime_queue {
    struct heap heap; // highest priority first, then by turn
    uint64_t next_turn;
    uint64_t window_start, used_ticks;                // in the window
    uint64_t window_ticks, budget_ticks, slice_ticks; // slice: of SCHED_RR
};

void realtime_init(struct policy_queue *queue, uint64_t second_ticks);
void realtime_enqueue(struct policy_queue *queue, struct thread *thread,
                      enum runnable_reason reason);
void realtime_dequeue(struct policy_queue *queue, struct thread *thread);
// One waits. Whom to run: it, or one of the policy's when the budget is used up.
struct thread *realtime_pick_next(struct policy_queue *queue, uint64_t now);
void realtime_account(struct policy_queue *queue, uint64_t ran_ticks, uint64_t now);
// The woken thread or the running one has a priority.
bool realtime_should_preempt(const struct policy_queue *queue, const struct thread *woken);
