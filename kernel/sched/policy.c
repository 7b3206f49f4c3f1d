// The policies by name, the one that this boot uses, and what they have in common. Chosen once,
// before the scheduler starts.
#include "sched/policy.h"

#include "lib/string.h"
#include "sched/weight.h"

static const struct policy *const policies[] = { &policy_round_robin, &policy_mlfq, &policy_stride,
                                                 &policy_lottery, &policy_fair };

const struct policy *policy_chosen = &policy_fair;

bool policy_choose(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        if (strcmp(name, policies[i]->name) == 0) {
            policy_chosen = policies[i];
            return true;
        }
    }
    return false;
}

const struct policy *policy_by_number(uint32_t number)
{
    return number < ARRAY_SIZE(policies) ? policies[number] : NULL;
}

void policy_queue_init(struct policy_queue *queue, const struct policy *policy,
                       uint64_t slice_ticks, uint64_t second_ticks)
{
    *queue = (struct policy_queue){ .policy = policy, .slice_ticks = slice_ticks };
    realtime_init(queue, second_ticks);
    policy->init(queue);
}

struct thread *policy_steal(struct policy_queue *queue, uint32_t cpu_number)
{
    struct thread *thread = policy_heap_find_for(&queue->realtime.heap, cpu_number);

    if (!thread)
        thread = queue->policy->find_for(queue, cpu_number);
    if (thread) {
        policy_dequeue(queue, thread);
        policy_leave(queue, thread);
    }
    return thread;
}

// From one class to the other: what either keeps means nothing to the other.
static void change_class(struct policy_queue *queue, struct thread *thread, bool to_realtime)
{
    policy_leave(queue, thread);
    thread->policy.virtual_time = 0;
    thread->policy.slice_left = 0;
    if (to_realtime)
        thread->policy.turn = queue->realtime.next_turn++;
}

void policy_set_rights(struct policy_queue *queue, struct thread *thread,
                       const struct thread_rights *rights, bool waits, uint64_t now)
{
    struct policy_entity *entity = &thread->policy;
    bool is_realtime = rights->realtime_priority != 0;

    policy_account(queue, now); // so far, by the old ones
    if (waits)
        policy_dequeue(queue, thread);
    if (is_realtime != (entity->rights.realtime_priority != 0))
        change_class(queue, thread, is_realtime);
    entity->rights = *rights;
    entity->weight = weight_of(rights);
    if (waits)
        policy_enqueue(queue, thread, RUNNABLE_MOVED);
}

struct thread *policy_list_find_for(const struct list_node *threads, uint32_t cpu_number)
{
    uint32_t left = POLICY_LOOKED_AT_LIMIT;

    for (const struct list_node *link = threads->next; link != threads && left-- != 0;
         link = link->next) {
        struct thread *thread = list_entry(link, struct thread, policy.link);
        if (cpu_mask_has(&thread->affinity, cpu_number))
            return thread;
    }
    return NULL;
}

struct thread *policy_heap_find_for(const struct heap *threads, uint32_t cpu_number)
{
    uint32_t left = POLICY_LOOKED_AT_LIMIT;

    for (const struct heap_node *node = heap_minimum(threads); node && left-- != 0;
         node = heap_next(node)) {
        struct thread *thread = container_of(node, struct thread, policy.node);
        if (cpu_mask_has(&thread->affinity, cpu_number))
            return thread;
    }
    return NULL;
}
