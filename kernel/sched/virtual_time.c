// Virtual time, as stride and fair scheduling keep it. Invariant: a queue's time never goes back,
// and no thread that waits is behind it by more than the policy gave it on purpose.
#include "sched/virtual_time.h"

// Far enough from 0 for every distance; the heap compares without a circle, and there are years of
// it: 146 at 4 GHz with nice 0, two with nice 19 alone.
#define VIRTUAL_TIME_START (1ull << 48)

#define LIMIT_SLICES 4u

// The latest time that a queue has told: not exact, since two may tell at once.
static uint64_t latest = VIRTUAL_TIME_START;

void virtual_time_init(struct virtual_queue *queue, uint64_t slice_ticks)
{
    queue->now = VIRTUAL_TIME_START;
    queue->told = VIRTUAL_TIME_START;
    queue->limit = LIMIT_SLICES * slice_ticks;
}

void virtual_time_begin(struct virtual_queue *queue)
{
    queue->now = max_of(queue->now, __atomic_load_n(&latest, __ATOMIC_RELAXED));
}

// Seldom enough that the CPUs do not pull at the word.
never_inlined static void tell_time(struct virtual_queue *queue)
{
    queue->told = queue->now;
    if (queue->now > __atomic_load_n(&latest, __ATOMIC_RELAXED))
        __atomic_store_n(&latest, queue->now, __ATOMIC_RELAXED);
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
    if (unlikely(queue->now - queue->told > queue->limit))
        tell_time(queue);
}

void virtual_time_yield(const struct virtual_queue *queue, struct policy_entity *entity)
{
    const struct heap_node *first = heap_minimum(&queue->heap);

    if (first)
        entity->virtual_time = max_of(entity->virtual_time, first->key);
}
