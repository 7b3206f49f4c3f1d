// Virtual time: what a thread ran, divided by its weight. Who is behind goes first. Used by the
// policies that promise shares and keep account; called with the run-queue lock held.
// A thread that belongs to no queue keeps the distance to its last one's time ("unsettled"), so
// that it is as far ahead or behind in the next one. A new thread has the distance 0.
#pragma once

#include "sched/policy.h"
#include "sched/weight.h"

// Of two moments of virtual time, which is a circle.
static inline uint64_t later_of(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) >= 0 ? a : b;
}

void virtual_time_init(struct virtual_queue *queue);
// In no queue so far: the distance becomes a moment of this queue's time.
static inline void virtual_time_settle(const struct virtual_queue *queue,
                                       struct policy_entity *entity)
{
    if (likely(entity->settled))
        return;
    entity->virtual_time += queue->now;
    entity->settled = true;
}
// And back. Not for a thread in the heap.
void virtual_time_unsettle(const struct virtual_queue *queue, struct policy_entity *entity);
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
