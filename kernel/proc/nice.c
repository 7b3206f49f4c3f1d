// Nice values, policies and priorities as programs name them: of a thread, of all threads of a
// group or a user. Called by system calls. One process is locked at a time: one that is made while
// a group is walked may keep what it inherited.

#include "abi/errno.h"
#include "proc/inspect.h"
#include "proc/internal.h"
#include "sched/scheduler.h"
#include "sched/weight.h"

typedef void (*nice_visit)(struct thread *thread, int32_t *nice);

// The thread with this number (0: the running one) and its process, which is locked, with a
// reference. NULL also when that has ended but its number is still a process's: a zombie, which on
// Linux has rights still.
static struct thread *find_and_lock(uint32_t tid, struct process **process)
{
    *process = process_find_and_lock(tid);
    if (!*process)
        return NULL;
    struct thread *thread = tid ? thread_find_locked(*process, tid) : current_thread();
    if (!thread && (*process)->pid != tid) { // it ended meanwhile
        process_unlock_and_release(*process);
        *process = NULL;
    }
    return thread;
}

int thread_rights_get(uint32_t tid, struct thread_rights *rights)
{
    struct process *process;
    *rights = (struct thread_rights){ 0 };
    const struct thread *thread = find_and_lock(tid, &process);
    if (!process)
        return -ESRCH;
    if (thread)
        *rights = thread->policy.rights;
    process_unlock_and_release(process);
    return 0;
}

int thread_rights_change(uint32_t tid, rights_change change, const void *argument)
{
    struct thread_rights rights = { 0 };
    struct process *process;
    struct thread *thread = find_and_lock(tid, &process);
    if (!process)
        return -ESRCH;
    if (thread)
        rights = thread->policy.rights;
    int error = change(&rights, argument);
    if (thread && !error)
        thread_set_rights(thread, &rights);
    process_unlock_and_release(process);
    return error;
}

static int visit_one(uint32_t tid, nice_visit visit, int32_t *nice)
{
    struct process *process;
    struct thread *thread = find_and_lock(tid, &process);
    if (!process)
        return -ESRCH;
    if (thread)
        visit(thread, nice);
    else
        *nice = min_of(*nice, 0);
    process_unlock_and_release(process);
    return 0;
}

static void visit_threads(const struct process *process, nice_visit visit, int32_t *nice)
{
    list_for_each (node, &process->threads)
        visit(list_entry(node, struct thread, owner_link), nice);
}

// The members of a group; `group` 0: all processes.
static int visit_group(uint32_t group, nice_visit visit, int32_t *nice)
{
    int error = -ESRCH;
    uint32_t pid = 0;
    for (struct process *process; (process = process_find_from(pid));) {
        process_lock(process);
        pid = process->pid + 1;
        if (group == 0 || process->group == group) {
            visit_threads(process, visit, nice);
            error = 0;
        }
        process_unlock(process);
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

static void lower_to(struct thread *thread, int32_t *nice)
{
    *nice = min_of(*nice, (int32_t)thread->policy.rights.nice);
}

static void set_nice(struct thread *thread, int32_t *nice)
{
    struct thread_rights rights = thread->policy.rights;
    rights.nice = (int8_t)*nice;
    thread_set_rights(thread, &rights);
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
