// The fair policy, the default: who is furthest behind in virtual time runs next, so shares follow
// the weights. Bounded latency: equals that compute all have their turn within a period of two
// default slices, or of an eighth of one for each, if that is more; who ran alone just before
// others came may have to wait for a slice and a half of each, once. A sleeper is behind by half a
// slice at most when it wakes, so it runs soon, and hoards nothing.
#include "abi/sched.h"
#include "sched/policy.h"
#include "sched/virtual_time.h"

#define PERIOD_SLICES 2u
#define MINIMUM_PARTS 8u // of a slice: the shortest one
#define CREDIT_PARTS 2u  // of a slice: what sleepers may be behind
#define TURN_PARTS 1024u // of a slice: what everybody gets of a turn

static void fair_init(struct policy_queue *queue)
{
    virtual_time_init(&queue->fair.time, queue->slice_ticks);
    queue->fair.period_ticks = queue->slice_ticks * PERIOD_SLICES;
    queue->fair.minimum_ticks = queue->slice_ticks / MINIMUM_PARTS;
    queue->fair.credit_ticks = queue->slice_ticks / CREDIT_PARTS;
}

static void fair_enqueue(struct policy_queue *queue, struct thread *thread,
                         enum runnable_reason reason)
{
    struct fair_queue *fair = &queue->fair;
    struct policy_entity *entity = &thread->policy;

    if (!queue->running && heap_minimum(&fair->time.heap) == NULL)
        virtual_time_begin(&fair->time);
    virtual_time_settle(&fair->time, entity);
    if (reason == RUNNABLE_WOKEN || reason == RUNNABLE_WOKEN_BY_INTERRUPT)
        entity->virtual_time = later_of(entity->virtual_time, fair->time.now - fair->credit_ticks);
    else if (reason == RUNNABLE_YIELDED)
        virtual_time_yield(&fair->time, entity);
    fair->waiting_weight += entity->weight;
    heap_insert(&fair->time.heap, &entity->node, entity->virtual_time);
}

static void fair_dequeue(struct policy_queue *queue, struct thread *thread)
{
    queue->fair.waiting_weight -= thread->policy.weight;
    heap_remove(&queue->fair.time.heap, &thread->policy.node);
}

// Its share of a period.
static uint64_t slice_for(const struct policy_queue *queue, uint32_t weight)
{
    const struct fair_queue *fair = &queue->fair;

    _Static_assert(PERIOD_SLICES == 2 && MINIMUM_PARTS >= 1, "half a period is a slice");
    if (fair->waiting_weight == 0 || fair->waiting_weight == weight)
        return queue->slice_ticks;
    return max_of(fair->period_ticks * weight / (fair->waiting_weight + weight),
                  fair->minimum_ticks);
}

static struct thread *fair_pick_next(struct policy_queue *queue)
{
    struct thread *next = virtual_time_take(&queue->fair.time);

    if (!next)
        return NULL;
    queue->fair.waiting_weight -= next->policy.weight;
    next->policy.slice_left = slice_for(queue, next->policy.weight);
    return next;
}

static void fair_account(struct policy_queue *queue, uint64_t ran_ticks)
{
    virtual_time_account(&queue->fair.time, &queue->running->policy, ran_ticks);
}

// Has the running thread had more of its turn than the switch itself?
static bool turn_has_begun(const struct policy_queue *queue)
{
    uint64_t ran_ticks = queue->accounted_until - queue->running->last_switch_tsc;

    return ran_ticks >= queue->slice_ticks / TURN_PARTS;
}

// Whom an interrupt woke runs at once if it is behind at all; but naps shorter than a switch would
// end the other's every turn before its first instruction, which its own account would pay. Whom
// the running thread woke waits for it to block, as threads that wake each other in turn mostly do
// next, unless it is a whole slice behind.
static bool fair_should_preempt(const struct policy_queue *queue, const struct thread *woken,
                                enum runnable_reason reason)
{
    const struct policy_entity *running = &queue->running->policy;
    int64_t behind = (int64_t)(running->virtual_time - woken->policy.virtual_time);

    if (woken->policy.rights.policy != SCHED_OTHER)
        return false;
    if (running->rights.policy == SCHED_IDLE)
        return true;
    if (reason == RUNNABLE_WOKEN_BY_INTERRUPT)
        return behind > 0 && turn_has_begun(queue);
    return behind > (int64_t)queue->slice_ticks;
}

static struct thread *fair_find_for(const struct policy_queue *queue, uint32_t cpu_number)
{
    return policy_heap_find_for(&queue->fair.time.heap, cpu_number);
}

static void fair_leave(struct policy_queue *queue, struct thread *thread)
{
    virtual_time_unsettle(&thread->policy);
}

const struct policy policy_fair = {
    .name = "fair",
    .init = fair_init,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
    .pick_next = fair_pick_next,
    .account = fair_account,
    .should_preempt = fair_should_preempt,
    .find_for = fair_find_for,
    .leave = fair_leave,
};
