// Nice values, policies, priorities and CPU masks as programs name them: of a thread, of all
// threads of a group or a user. Called by system calls. Everything is guarded by process_lock,
// taken for one process at a time: a process that is made while a group is walked may keep what it
// inherited.

#include "abi/errno.h"
#include "proc/inspect.h"
#include "proc/internal.h"
#include "sched/scheduler.h"
#include "sched/weight.h"

typedef void (*nice_visit)(struct thread *thread, int32_t *nice);

static struct thread *find_locked(uint32_t tid)
{
    return tid ? thread_find_locked(tid) : current_thread();
}

// Is there something of this number that has rights no more, a zombie? Linux still has them.
static bool has_ended_locked(uint32_t tid)
{
    return process_find_locked(tid) != NULL;
}

int thread_rights_get(uint32_t tid, struct thread_rights *rights)
{
    int error = 0;
    *rights = (struct thread_rights){ 0 };
    spinlock_acquire(&process_lock);
    const struct thread *thread = find_locked(tid);
    if (thread)
        *rights = thread->policy.rights;
    else if (!has_ended_locked(tid))
        error = -ESRCH;
    spinlock_release(&process_lock);
    return error;
}

int thread_rights_change(uint32_t tid, rights_change change, const void *argument)
{
    struct thread_rights rights = { 0 };
    int error = -ESRCH;
    spinlock_acquire(&process_lock);
    struct thread *thread = find_locked(tid);
    if (thread)
        rights = thread->policy.rights;
    if (thread || has_ended_locked(tid))
        error = change(&rights, argument);
    if (thread && !error)
        thread_set_rights(thread, &rights);
    spinlock_release(&process_lock);
    return error;
}

static int visit_one(uint32_t tid, nice_visit visit, int32_t *nice)
{
    int error = 0;
    spinlock_acquire(&process_lock);
    struct thread *thread = find_locked(tid);
    if (thread)
        visit(thread, nice);
    else if (has_ended_locked(tid))
        *nice = min_of(*nice, 0);
    else
        error = -ESRCH;
    spinlock_release(&process_lock);
    return error;
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
        spinlock_acquire(&process_lock);
        pid = process->pid + 1;
        if (group == 0 || process->group == group) {
            visit_threads(process, visit, nice);
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
