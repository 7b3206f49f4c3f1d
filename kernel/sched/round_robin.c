// Round robin (OSTEP chapter 7): one queue, everybody gets the same slice in turn. Who waited for
// the clock or a device and blocked before its slice was used up goes first when it is woken, for
// the rest of that slice; then it waits its turn like everybody else, so that sleeping gains nobody
// a larger share.
#include "sched/policy.h"

static void round_robin_init(struct policy_queue *queue)
{
    list_init(&queue->round_robin.threads);
    queue->round_robin.last_first = &queue->round_robin.threads;
}

// Who goes to the end of the queue gets a whole slice; the others, what is left of theirs: first
// those that were woken, in the order in which they were, then who made way for them.
static void round_robin_enqueue(struct policy_queue *queue, struct thread *thread,
                                enum runnable_reason reason)
{
    struct round_robin_queue *turns = &queue->round_robin;
    struct list_node *link = &thread->policy.link;

    if (reason == RUNNABLE_WOKEN_BY_INTERRUPT && thread->policy.slice_left != 0) {
        list_insert_before(turns->last_first->next, link);
        turns->last_first = link;
    } else if (reason == RUNNABLE_PREEMPTED && thread->policy.slice_left != 0) {
        list_insert_before(turns->last_first->next, link);
    } else {
        thread->policy.slice_left = 0;
        list_append(&turns->threads, link);
    }
}

static void round_robin_dequeue(struct policy_queue *queue, struct thread *thread)
{
    struct round_robin_queue *turns = &queue->round_robin;

    // All before it go first, too; or it is the head.
    if (turns->last_first == &thread->policy.link)
        turns->last_first = thread->policy.link.previous;
    list_remove(&thread->policy.link);
}

static struct thread *round_robin_pick_next(struct policy_queue *queue)
{
    if (list_is_empty(&queue->round_robin.threads))
        return NULL;
    struct thread *next = list_first(&queue->round_robin.threads, struct thread, policy.link);
    round_robin_dequeue(queue, next);
    if (next->policy.slice_left == 0)
        next->policy.slice_left = queue->slice_ticks;
    return next;
}

static bool round_robin_should_preempt(const struct policy_queue *queue, const struct thread *woken,
                                       enum runnable_reason reason)
{
    return reason == RUNNABLE_WOKEN_BY_INTERRUPT && woken->policy.slice_left != 0;
}

static struct thread *round_robin_find_for(const struct policy_queue *queue, uint32_t cpu_number)
{
    return policy_list_find_for(&queue->round_robin.threads, cpu_number);
}

const struct policy policy_round_robin = {
    .name = "rr",
    .init = round_robin_init,
    .enqueue = round_robin_enqueue,
    .dequeue = round_robin_dequeue,
    .pick_next = round_robin_pick_next,
    .should_preempt = round_robin_should_preempt,
    .find_for = round_robin_find_for,
};
