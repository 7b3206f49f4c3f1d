// The multi-level feedback queue (OSTEP chapter 8, rules 1 to 5): the highest level that has
// threads runs, in turn; a thread starts at the top, and falls a level when it has used its
// allotment there up, however often it gave the CPU away meanwhile; from time to time all go back
// to the top. Lower levels have longer slices. Nice values mean nothing here.
#include "sched/policy.h"

#define BOOST_SLICES 100u // a second, with slices of 10 ms

static void mlfq_init(struct policy_queue *queue)
{
    struct mlfq_queue *mlfq = &queue->mlfq;

    for (unsigned level = 0; level < MLFQ_LEVELS; level++) {
        list_init(&mlfq->levels[level]);
        mlfq->slice_ticks[level] = queue->slice_ticks << level;
        mlfq->allotment_ticks[level] = mlfq->slice_ticks[level];
    }
    mlfq->boost_ticks = queue->slice_ticks * BOOST_SLICES;
}

// A boost counts for those too that are in no list: they see it when they are looked at.
static void note_boost(const struct mlfq_queue *mlfq, struct policy_entity *entity)
{
    if (entity->boosts_seen == mlfq->boosts)
        return;
    entity->boosts_seen = mlfq->boosts;
    entity->level = 0;
    entity->level_ticks = 0;
    entity->slice_left = 0;
}

// New here: it has seen all boosts.
static void settle(const struct mlfq_queue *mlfq, struct policy_entity *entity)
{
    if (!entity->settled)
        entity->boosts_seen = mlfq->boosts;
    entity->settled = true;
    note_boost(mlfq, entity);
}

static void mlfq_enqueue(struct policy_queue *queue, struct thread *thread,
                         enum runnable_reason reason)
{
    struct mlfq_queue *mlfq = &queue->mlfq;
    struct policy_entity *entity = &thread->policy;

    settle(mlfq, entity);
    if (reason == RUNNABLE_PREEMPTED && entity->slice_left != 0) {
        list_prepend(&mlfq->levels[entity->level], &entity->link);
        return;
    }
    entity->slice_left = 0;
    list_append(&mlfq->levels[entity->level], &entity->link);
}

static void mlfq_dequeue(struct policy_queue *queue, struct thread *thread)
{
    list_remove(&thread->policy.link);
}

static struct thread *mlfq_pick_next(struct policy_queue *queue)
{
    struct mlfq_queue *mlfq = &queue->mlfq;
    unsigned level = 0;

    while (list_is_empty(&mlfq->levels[level])) {
        if (++level == MLFQ_LEVELS)
            return NULL;
    }
    struct thread *next = list_first(&mlfq->levels[level], struct thread, policy.link);
    struct policy_entity *entity = &next->policy;
    list_remove(&entity->link);
    note_boost(mlfq, entity);
    if (entity->slice_left == 0)
        entity->slice_left = mlfq->slice_ticks[level];
    if (entity->level < MLFQ_LEVELS - 1)
        entity->slice_left =
            min_of(entity->slice_left, mlfq->allotment_ticks[level] - entity->level_ticks);
    return next;
}

// Everybody to the top: the lists in the order of the levels.
static void boost(struct mlfq_queue *mlfq)
{
    for (unsigned level = 1; level < MLFQ_LEVELS; level++)
        list_append_all(&mlfq->levels[0], &mlfq->levels[level]);
    mlfq->boosts++;
}

static void mlfq_account(struct policy_queue *queue, uint64_t ran_ticks)
{
    struct mlfq_queue *mlfq = &queue->mlfq;
    struct policy_entity *entity = &queue->running->policy;

    mlfq->since_boost += ran_ticks;
    if (mlfq->since_boost >= mlfq->boost_ticks) {
        mlfq->since_boost %= mlfq->boost_ticks;
        boost(mlfq);
        ran_ticks = 0;
    }
    settle(mlfq, entity);
    entity->level_ticks += ran_ticks;
    while (entity->level < MLFQ_LEVELS - 1 &&
           entity->level_ticks >= mlfq->allotment_ticks[entity->level]) {
        entity->level_ticks -= mlfq->allotment_ticks[entity->level++];
        entity->slice_left = 0;
    }
}

static bool mlfq_should_preempt(const struct policy_queue *queue, const struct thread *woken,
                                enum runnable_reason reason)
{
    return woken->policy.level < queue->running->policy.level;
}

static struct thread *mlfq_find_for(const struct policy_queue *queue, uint32_t cpu_number)
{
    struct thread *thread = NULL;

    for (unsigned level = 0; level < MLFQ_LEVELS && !thread; level++)
        thread = policy_list_find_for(&queue->mlfq.levels[level], cpu_number);
    return thread;
}

// The next queue has had boosts of its own: the thread does as if it had seen them.
static void mlfq_leave(struct policy_queue *queue, struct thread *thread)
{
    if (thread->policy.settled)
        note_boost(&queue->mlfq, &thread->policy);
    thread->policy.settled = false;
}

const struct policy policy_mlfq = {
    .name = "mlfq",
    .init = mlfq_init,
    .enqueue = mlfq_enqueue,
    .dequeue = mlfq_dequeue,
    .pick_next = mlfq_pick_next,
    .account = mlfq_account,
    .should_preempt = mlfq_should_preempt,
    .find_for = mlfq_find_for,
    .leave = mlfq_leave,
};
