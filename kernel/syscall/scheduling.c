// Priorities and policies, as programs ask for them. There is one policy, Linux's SCHED_OTHER, and
// a nice value is kept and shown; today it gives nobody a larger share.

#include "abi/errno.h"
#include "abi/sched.h"
#include "proc/inspect.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define NICE_ZERO 20 // getpriority answers with 20 - nice: 40 to 1

HANDLER2(getpriority, which, who)
{
    int32_t nice;
    int error = process_nice_get((uint32_t)which, (uint32_t)who, &nice);
    return error ? error : NICE_ZERO - nice;
}

HANDLER3(setpriority, which, who, nice)
{
    return process_nice_set((uint32_t)which, (uint32_t)who, (int32_t)nice);
}

// -EINVAL, -ESRCH. A pid of 0 is the caller's.
static int check_pid(uint64_t pid)
{
    if ((int32_t)pid < 0)
        return -EINVAL;
    if ((int32_t)pid == 0)
        return 0;
    struct process *process = process_find((uint32_t)pid);
    if (process)
        process_release(process);
    return process ? 0 : -ESRCH;
}

HANDLER1(sched_getscheduler, pid)
{
    int error = check_pid(pid);
    return error ? error : SCHED_OTHER;
}

HANDLER2(sched_getparam, pid, address)
{
    int32_t priority = 0;
    int error = address ? check_pid(pid) : -EINVAL;
    return error ? error : put_user(user_addr_make(address), priority);
}

static int64_t priority_bound(uint64_t policy, int64_t realtime)
{
    switch ((int32_t)policy) {
    case SCHED_FIFO:
    case SCHED_RR:
        return realtime;
    case SCHED_OTHER:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return 0;
    default:
        return -EINVAL;
    }
}

HANDLER1(sched_get_priority_max, policy)
{
    return priority_bound(policy, REALTIME_MAXIMUM);
}

HANDLER1(sched_get_priority_min, policy)
{
    return priority_bound(policy, REALTIME_MINIMUM);
}
