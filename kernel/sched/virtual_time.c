// Virtual time, as stride and fair scheduling keep it. Invariant: a queue's time never goes back,
// and no thread that waits is behind it by more than the policy gave it on purpose.
#include "sched/virtual_time.h"

// Far enough from 0 for every distance; the heap compares without a circle, and there are years of
// it: 146 at 4 GHz with nice 0, two with nice 19 alone.
#define VIRTUAL_TIME_START (1ull << 48)

void virtual_time_init(struct virtual_queue *queue)
{
    queue->now = VIRTUAL_TIME_START;
}

void virtual_time_unsettle(const struct virtual_queue *queue, struct policy_entity *entity)
{
    if (!entity->settled)
        return;
    entity->virtual_time -= queue->now;
    entity->settled = false;
}

void virtual_time_account(struct virtual_queue *queue, struct policy_entity *running,
                          uint64_t ran_ticks)
{
    const struct heap_node *first = heap_minimum(&queue->heap);

    virtual_time_settle(queue, running); // it may have had a fixed priority when it was picked
    running->virtual_time += weighted_ticks(ran_ticks, running->weight);
    uint64_t behind = running->virtual_time;
    if (first)
        behind = min_of(behind, first->key);
    queue->now = max_of(queue->now, behind);
}

void virtual_time_yield(const struct virtual_queue *queue, struct policy_entity *entity)
{
    const struct heap_node *first = heap_minimum(&queue->heap);

    if (first)
        entity->virtual_time = max_of(entity->virtual_time, first->key);
}
