// Stride scheduling (OSTEP chapter 9): each thread has a pass value; the lowest runs a slice, and
// its pass goes up by its stride, which is the smaller the more tickets it has. Tickets are the
// weights of nice values. Time is counted exactly: who blocks early pays for the part of the slice
// that it used. Who wakes has the queue's pass at least, so that sleeping saves nothing up.
#include "sched/policy.h"
#include "sched/virtual_time.h"

static void stride_init(struct policy_queue *queue)
{
    virtual_time_init(&queue->stride, queue->slice_ticks);
}

static void stride_enqueue(struct policy_queue *queue, struct thread *thread,
                           enum runnable_reason reason)
{
    struct policy_entity *entity = &thread->policy;

    if (!queue->running && heap_minimum(&queue->stride.heap) == NULL)
        virtual_time_begin(&queue->stride);
    virtual_time_settle(&queue->stride, entity);
    if (reason == RUNNABLE_WOKEN)
        entity->virtual_time = later_of(entity->virtual_time, queue->stride.now);
    else if (reason == RUNNABLE_WOKEN_BY_INTERRUPT) // before who has waited with the same pass
        entity->virtual_time = later_of(entity->virtual_time, queue->stride.now - 1);
    else if (reason == RUNNABLE_YIELDED)
        virtual_time_yield(&queue->stride, entity);
    heap_insert(&queue->stride.heap, &entity->node, entity->virtual_time);
}

static void stride_dequeue(struct policy_queue *queue, struct thread *thread)
{
    heap_remove(&queue->stride.heap, &thread->policy.node);
}

static struct thread *stride_pick_next(struct policy_queue *queue)
{
    struct thread *next = virtual_time_take(&queue->stride);

    if (next)
        next->policy.slice_left = queue->slice_ticks;
    return next;
}

static void stride_account(struct policy_queue *queue, uint64_t ran_ticks)
{
    virtual_time_account(&queue->stride, &queue->running->policy, ran_ticks);
}

// Who waited for the clock or a device does not wait for the end of a slice, too.
static bool stride_should_preempt(const struct policy_queue *queue, const struct thread *woken,
                                  enum runnable_reason reason)
{
    return reason == RUNNABLE_WOKEN_BY_INTERRUPT &&
           (int64_t)(queue->running->policy.virtual_time - woken->policy.virtual_time) >= 0;
}

static struct thread *stride_find_for(const struct policy_queue *queue, uint32_t cpu_number)
{
    return policy_heap_find_for(&queue->stride.heap, cpu_number);
}

static void stride_leave(struct policy_queue *queue, struct thread *thread)
{
    virtual_time_unsettle(&thread->policy);
}

const struct policy policy_stride = {
    .name = "stride",
    .init = stride_init,
    .enqueue = stride_enqueue,
    .dequeue = stride_dequeue,
    .pick_next = stride_pick_next,
    .account = stride_account,
    .should_preempt = stride_should_preempt,
    .find_for = stride_find_for,
    .leave = stride_leave,
};
