// Virtual time: what a thread ran, divided by its weight. Who is behind goes first. Used by the
// policies that promise shares and keep account; called with the run-queue lock held.
// All queues go by one measure: on several CPUs, a thread that comes from a crowded queue is behind
// those of a lighter one by what they had and it had not, and gets it back. The measures differ
// where masks keep threads apart, so no more than LIMIT_SLICES count; and a queue that nobody used
// starts where the others are. A thread without a queue is "unsettled"; a new one has time 0, which
// means now.
#pragma once

#include "sched/policy.h"
#include "sched/weight.h"

// Of two moments of virtual time, which is a circle.
static inline uint64_t later_of(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) >= 0 ? a : b;
}

void virtual_time_init(struct virtual_queue *queue, uint64_t slice_ticks);
// The queue has nobody who runs or waits: from now on its time is that of the others.
void virtual_time_begin(struct virtual_queue *queue);
// In no queue so far: from now on it is in this queue's account.
static inline void virtual_time_settle(const struct virtual_queue *queue,
                                       struct policy_entity *entity)
{
    if (likely(entity->settled))
        return;
    uint64_t time = entity->virtual_time ? entity->virtual_time : queue->now;
    time = max_of(time, queue->now - queue->limit);
    entity->virtual_time = min_of(time, queue->now + queue->limit);
    entity->settled = true;
}
// And back. Not for a thread in the heap.
static inline void virtual_time_unsettle(struct policy_entity *entity)
{
    entity->settled = false;
}
// Counts what the running thread ran; the queue's time is that of whoever is furthest behind.
void virtual_time_account(struct virtual_queue *queue, struct policy_entity *running,
                          uint64_t ran_ticks);
// Gives up, to the first that waits, what the thread is behind it.
void virtual_time_yield(const struct virtual_queue *queue, struct policy_entity *entity);
// The first of the heap, taken out; NULL: none.
static inline struct thread *virtual_time_take(struct virtual_queue *queue)
{
    struct heap_node *first = heap_minimum(&queue->heap);

    if (!first)
        return NULL;
    heap_remove(&queue->heap, first);
    return container_of(first, struct thread, policy.node);
}
