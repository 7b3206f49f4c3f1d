// SCHED_FIFO and SCHED_RR: always the highest priority that waits; among equals, by turn, and the
// turn of a SCHED_RR thread ends with its slice. Invariant: while others wait, these threads have
// 95 % of a second and no more, so that a loop at the highest priority does not take the machine
// away from whoever would stop it.
#include "sched/realtime.h"

#include "abi/sched.h"
#include "sched/policy.h"

#define WINDOW_SECONDS 1u
#define BUDGET_PERCENT 95u
#define PRIORITY_SHIFT 56u // of a heap key; below it, the turn

void realtime_init(struct policy_queue *queue, uint64_t second_ticks)
{
    struct realtime_queue *realtime = &queue->realtime;

    realtime->window_ticks = second_ticks * WINDOW_SECONDS;
    realtime->budget_ticks = realtime->window_ticks / 100 * BUDGET_PERCENT;
    realtime->slice_ticks = second_ticks / (1000000000u / REALTIME_SLICE_NS);
}

static bool budget_is_used(const struct realtime_queue *realtime)
{
    return realtime->used_ticks >= realtime->budget_ticks;
}

// Who was made to give the CPU up keeps its turn; a SCHED_RR thread only with some slice left.
static bool keeps_turn(const struct thread *thread, enum runnable_reason reason)
{
    if (thread->policy.rights.policy == SCHED_FIFO)
        return reason == RUNNABLE_PREEMPTED || reason == RUNNABLE_SLICE_OVER;
    return reason == RUNNABLE_PREEMPTED && thread->policy.slice_left != 0;
}

void realtime_enqueue(struct policy_queue *queue, struct thread *thread,
                      enum runnable_reason reason)
{
    struct policy_entity *entity = &thread->policy;
    uint64_t rank = REALTIME_MAXIMUM - entity->rights.realtime_priority;

    if (!keeps_turn(thread, reason)) {
        entity->turn = queue->realtime.next_turn++;
        entity->slice_left = 0;
    }
    heap_insert(&queue->realtime.heap, &entity->node, rank << PRIORITY_SHIFT | entity->turn);
}

void realtime_dequeue(struct policy_queue *queue, struct thread *thread)
{
    heap_remove(&queue->realtime.heap, &thread->policy.node);
}

static void renew_window(struct realtime_queue *realtime, uint64_t start, uint64_t now)
{
    if (now - realtime->window_start < realtime->window_ticks)
        return;
    realtime->window_start = start;
    realtime->used_ticks = 0;
}

void realtime_account(struct policy_queue *queue, uint64_t ran_ticks, uint64_t now)
{
    struct realtime_queue *realtime = &queue->realtime;

    ran_ticks = min_of(ran_ticks, realtime->budget_ticks); // more only while nobody else waited
    renew_window(realtime, now - ran_ticks, now);
    realtime->used_ticks += ran_ticks;
}

// NULL: none waits.
static struct thread *pick_other(struct policy_queue *queue, uint64_t now)
{
    struct realtime_queue *realtime = &queue->realtime;
    struct thread *other = queue->policy->pick_next(queue);

    if (other)
        other->policy.slice_left =
            min_of(other->policy.slice_left, realtime->window_start + realtime->window_ticks - now);
    return other;
}

struct thread *realtime_pick_next(struct policy_queue *queue, uint64_t now)
{
    struct realtime_queue *realtime = &queue->realtime;

    renew_window(realtime, now, now);
    if (budget_is_used(realtime)) {
        struct thread *other = pick_other(queue, now);
        if (other)
            return other;
    }
    struct thread *next = container_of(heap_minimum(&realtime->heap), struct thread, policy.node);
    uint64_t left = budget_is_used(realtime) ? realtime->slice_ticks
                                             : realtime->budget_ticks - realtime->used_ticks;

    heap_remove(&realtime->heap, &next->policy.node);
    if (next->policy.rights.policy == SCHED_FIFO)
        next->policy.slice_left = left;
    else if (next->policy.slice_left == 0)
        next->policy.slice_left = realtime->slice_ticks;
    next->policy.slice_left = min_of(next->policy.slice_left, left);
    return next;
}

bool realtime_should_preempt(const struct policy_queue *queue, const struct thread *woken)
{
    uint8_t running_priority = queue->running->policy.rights.realtime_priority;
    uint8_t woken_priority = woken->policy.rights.realtime_priority;

    if (budget_is_used(&queue->realtime) && (running_priority == 0 || woken_priority == 0))
        return running_priority != 0; // the others have the rest of the window
    return woken_priority > running_priority;
}
