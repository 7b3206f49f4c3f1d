// Nice values: stored, inherited by fork, shown. Called by getpriority and setpriority.
// Everything is guarded by process_lock.

#include "abi/errno.h"
#include "proc/inspect.h"
#include "proc/internal.h"

static bool process_is_meant(const struct process *process, uint32_t which, uint32_t who)
{
    const struct process *self = current_process();
    switch (which) {
    case PRIO_PROCESS:
        return who ? process->pid == who : process == self;
    case PRIO_PGRP:
        return process->group == (who ? who : self->group);
    default:
        return who == 0; // every process is root's
    }
}

typedef void (*nice_visit)(struct process *process, int32_t *nice);

static int visit_meant(uint32_t which, uint32_t who, nice_visit visit, int32_t *nice)
{
    int error = -ESRCH;
    if (which > PRIO_USER)
        return -EINVAL;
    spinlock_acquire(&process_lock);
    list_for_each (node, &process_list) {
        struct process *process = list_entry(node, struct process, all_link);
        if (!process_is_meant(process, which, who))
            continue;
        visit(process, nice);
        error = 0;
    }
    spinlock_release(&process_lock);
    return error;
}

static void lower_to(struct process *process, int32_t *nice)
{
    *nice = min_of(*nice, process->nice);
}

static void set_nice(struct process *process, int32_t *nice)
{
    process->nice = *nice;
}

int process_nice_get(uint32_t which, uint32_t who, int32_t *nice)
{
    *nice = NICE_MAXIMUM;
    return visit_meant(which, who, lower_to, nice);
}

int process_nice_set(uint32_t which, uint32_t who, int32_t nice)
{
    nice = max_of(min_of(nice, NICE_MAXIMUM), NICE_MINIMUM);
    return visit_meant(which, who, set_nice, &nice);
}
