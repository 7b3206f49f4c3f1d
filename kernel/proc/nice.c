// Nice values: stored, inherited by fork, shown. Called by getpriority and setpriority.
// Everything is guarded by process_lock, taken for one process at a time: a process that is made
// while a group is walked may keep what it inherited.

#include "abi/errno.h"
#include "proc/inspect.h"
#include "proc/internal.h"
#include "sched/weight.h"

typedef void (*nice_visit)(struct process *process, int32_t *nice);

static int visit_one(uint32_t pid, nice_visit visit, int32_t *nice)
{
    spinlock_acquire(&process_lock);
    struct process *process = pid ? process_find_locked(pid) : current_process();
    if (process)
        visit(process, nice);
    spinlock_release(&process_lock);
    return process ? 0 : -ESRCH;
}

// The members of a group; `group` 0: all processes.
static int visit_group(uint32_t group, nice_visit visit, int32_t *nice)
{
    int error = -ESRCH;
    uint32_t pid = 0;
    for (struct process *process; (process = process_find_from(pid));) {
        spinlock_acquire(&process_lock);
        pid = process->pid + 1;
        if (group == 0 || process->group == group) {
            visit(process, nice);
            error = 0;
        }
        spinlock_release(&process_lock);
        process_release(process);
    }
    return error;
}

static int visit_meant(uint32_t which, uint32_t who, nice_visit visit, int32_t *nice)
{
    switch (which) {
    case PRIO_PROCESS:
        return visit_one(who, visit, nice);
    case PRIO_PGRP:
        return visit_group(who ? who : current_process()->group, visit, nice);
    case PRIO_USER: // every process is root's
        return who == 0 ? visit_group(0, visit, nice) : -ESRCH;
    default:
        return -EINVAL;
    }
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
