// Round robin (OSTEP chapter 7): one queue, everybody gets the same slice in turn. Who waited for
// the clock or a device and blocked before its slice was used up goes first when it is woken, for
// the rest of that slice; then it waits its turn like everybody else, so that sleeping gains nobody
// a larger share.
#include "sched/policy.h"

// Who goes to the end of the queue gets a whole slice; who goes to its head, what is left.
static void round_robin_enqueue(struct list_node *queue, struct thread *thread,
                                enum runnable_reason reason)
{
    if (reason == RUNNABLE_PREEMPTED ||
        (reason == RUNNABLE_WOKEN_BY_INTERRUPT && thread->policy.slice_left != 0)) {
        list_prepend(queue, &thread->policy.link);
    } else {
        thread->policy.slice_left = 0;
        list_append(queue, &thread->policy.link);
    }
}

static void round_robin_dequeue(struct list_node *queue, struct thread *thread)
{
    list_remove(&thread->policy.link);
}

static struct thread *round_robin_pick_next(struct list_node *queue, uint64_t default_slice)
{
    if (list_is_empty(queue))
        return NULL;
    struct thread *next = list_first(queue, struct thread, policy.link);
    list_remove(&next->policy.link);
    if (next->policy.slice_left == 0)
        next->policy.slice_left = default_slice;
    return next;
}

static bool round_robin_should_preempt(const struct thread *running, const struct thread *woken)
{
    return woken->policy.slice_left != 0;
}

const struct policy policy_round_robin = {
    .name = "round-robin",
    .enqueue = round_robin_enqueue,
    .dequeue = round_robin_dequeue,
    .pick_next = round_robin_pick_next,
    .should_preempt = round_robin_should_preempt,
};
