// Limits, what was used, and where threads may run.

#include "abi/errno.h"
#include "cpu/clock.h"
#include "proc/inspect.h"
#include "sched/scheduler.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define NS_PER_TICK (1000000000ull / CLOCK_TICKS_PER_SECOND)

// The limits that bound memory are kept where memory is mapped.
static void apply_memory_limits(struct process *process, uint32_t resource)
{
    if (resource != RLIMIT_AS && resource != RLIMIT_DATA && resource != RLIMIT_STACK)
        return;
    struct address_space *space = process_space_get(process);
    if (!space)
        return;
    process_apply_memory_limits(process, space);
    address_space_release(space);
}

static int64_t change_limit(struct process *process, uint32_t resource, uint64_t new_limit,
                            uint64_t old_limit)
{
    struct abi_rlimit new, old;
    if (new_limit && get_user(new, user_addr_make(new_limit)) != 0)
        return -EFAULT;
    int error = process_limit(process, resource, new_limit ? &new : NULL, &old);
    if (error)
        return error;
    if (new_limit)
        apply_memory_limits(process, resource);
    return old_limit ? put_user(user_addr_make(old_limit), old) : 0;
}

HANDLER4(prlimit64, pid, resource, new_limit, old_limit)
{
    struct process *process = current_process();
    if ((int32_t)pid == 0 || (uint32_t)pid == process->pid)
        return change_limit(process, (uint32_t)resource, new_limit, old_limit);
    process = process_find((uint32_t)pid);
    if (!process)
        return -ESRCH;
    int64_t result = change_limit(process, (uint32_t)resource, new_limit, old_limit);
    process_release(process);
    return result;
}

HANDLER2(getrlimit, resource, limit)
{
    struct abi_rlimit old;
    int error = process_limit(current_process(), (uint32_t)resource, NULL, &old);
    return error ? error : put_user(user_addr_make(limit), old);
}

HANDLER2(setrlimit, resource, limit)
{
    struct abi_rlimit new;
    if (get_user(new, user_addr_make(limit)) != 0)
        return -EFAULT;
    int error = process_limit(current_process(), (uint32_t)resource, &new, NULL);
    if (!error)
        apply_memory_limits(current_process(), (uint32_t)resource);
    return error;
}

HANDLER2(getrusage, who, result)
{
    struct abi_rusage usage;
    switch ((int32_t)who) {
    case RUSAGE_SELF:
        process_usage(current_process(), &usage);
        break;
    case RUSAGE_THREAD:
        thread_usage(&usage);
        break;
    case RUSAGE_CHILDREN:
        process_children_usage(current_process(), &usage);
        break;
    default:
        return -EINVAL;
    }
    return put_user(user_addr_make(result), usage);
}

static int64_t to_ticks(int64_t seconds, int64_t microseconds)
{
    return seconds * CLOCK_TICKS_PER_SECOND + microseconds / (1000000 / CLOCK_TICKS_PER_SECOND);
}

HANDLER1(times, result)
{
    struct abi_rusage own, children;
    process_usage(current_process(), &own);
    process_children_usage(current_process(), &children);
    struct abi_tms times = {
        .user = to_ticks(own.user_time.seconds, own.user_time.microseconds),
        .system = to_ticks(own.system_time.seconds, own.system_time.microseconds),
        .children_user = to_ticks(children.user_time.seconds, children.user_time.microseconds),
        .children_system =
            to_ticks(children.system_time.seconds, children.system_time.microseconds),
    };
    if (result && put_user(user_addr_make(result), times) != 0)
        return -EFAULT;
    return (int64_t)(clock_now_ns() / NS_PER_TICK);
}

HANDLER0(sched_yield)
{
    scheduler_yield();
    return 0;
}

HANDLER3(sched_setaffinity, pid, size, mask_address)
{
    struct cpu_mask mask = { 0 };
    size_t length = min_of((uint64_t)(uint32_t)size, (uint64_t)sizeof(mask));
    if (copy_from_user(&mask, user_addr_make(mask_address), length) != 0)
        return -EFAULT;
    return thread_affinity_set((uint32_t)pid, &mask);
}

// As many words as the CPUs need; the C library clears the rest.
HANDLER3(sched_getaffinity, pid, size, mask_address)
{
    struct cpu_mask mask;
    uint64_t needed = align_up(cpu_count(), 64) / 8;
    if ((uint32_t)size * 8u < cpu_count() || size % sizeof(mask.words[0]))
        return -EINVAL;
    int error = thread_affinity_get((uint32_t)pid, &mask);
    if (error)
        return error;
    uint64_t length = min_of((uint64_t)(uint32_t)size, needed);
    if (copy_to_user(user_addr_make(mask_address), &mask, length) != 0)
        return -EFAULT;
    return (int64_t)length;
}

HANDLER2(getcpu, cpu_address, node_address)
{
    uint32_t cpu = this_cpu()->number, node = 0;
    if (cpu_address && put_user(user_addr_make(cpu_address), cpu) != 0)
        return -EFAULT;
    if (node_address && put_user(user_addr_make(node_address), node) != 0)
        return -EFAULT;
    return 0;
}
