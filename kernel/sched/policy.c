// The policies by name, the one that this boot uses, and what they have in common. Chosen once,
// before the scheduler starts.
#include "sched/policy.h"

#include "lib/string.h"

static const struct policy *const policies[] = { &policy_round_robin };

const struct policy *policy_chosen = &policy_round_robin;

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
