// Round robin (OSTEP chapter 7): one queue, everybody gets the same slice in turn. A woken thread
// waits its turn like everybody else.
#include "sched/policy.h"

static void round_robin_enqueue(struct list_node *queue, struct thread *thread, bool woken)
{
    list_append(queue, &thread->policy.link);
}

static void round_robin_dequeue(struct list_node *queue, struct thread *thread)
{
    list_remove(&thread->policy.link);
}

static struct thread *round_robin_pick_next(struct list_node *queue)
{
    if (list_is_empty(queue))
        return NULL;
    struct thread *next = list_first(queue, struct thread, policy.link);
    list_remove(&next->policy.link);
    return next;
}

static bool round_robin_should_preempt(const struct thread *running, const struct thread *woken)
{
    return false;
}

static uint64_t round_robin_slice_ns(const struct thread *thread, uint64_t default_slice_ns)
{
    return default_slice_ns;
}

const struct policy policy_round_robin = {
    .name = "round-robin",
    .enqueue = round_robin_enqueue,
    .dequeue = round_robin_dequeue,
    .pick_next = round_robin_pick_next,
    .should_preempt = round_robin_should_preempt,
    .slice_ns = round_robin_slice_ns,
};
