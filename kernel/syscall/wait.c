// Waiting for children: wait4 and waitid.

#include "abi/errno.h"
#include "abi/signal.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define WAIT_WHICH (WEXITED | WSTOPPED | WCONTINUED)

HANDLER4(wait4, pid_argument, status, options, usage)
{
    uint32_t known = WNOHANG | WUNTRACED | WCONTINUED | WAIT_NO_THREAD | WAIT_ALL | WAIT_CLONE;
    int32_t pid = (int32_t)pid_argument;
    if ((uint32_t)options & ~known)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    struct wait_target target = { P_ALL, 0 };
    if (pid > 0)
        target = (struct wait_target){ P_PID, (uint32_t)pid };
    else if (pid == 0)
        target = (struct wait_target){ P_PGID, (uint32_t)process_group_of(0) };
    else if (pid < -1)
        target = (struct wait_target){ P_PGID, (uint32_t)-pid };
    uint32_t child_status = 0;
    struct abi_rusage child_usage;
    int64_t child = process_wait(&target, (uint32_t)options | WEXITED, &child_status, &child_usage);
    if (child <= 0)
        return child;
    // The child is collected by now, whatever becomes of the result.
    if (status && put_user(user_addr_make(status), child_status) != 0)
        return -EFAULT;
    if (usage && put_user(user_addr_make(usage), child_usage) != 0)
        return -EFAULT;
    return child;
}

static int take_target(uint64_t kind, uint64_t id, struct wait_target *target)
{
    *target = (struct wait_target){ (uint32_t)kind, (uint32_t)id };
    switch ((uint32_t)kind) {
    case P_ALL:
        return 0;
    case P_PID:
        return (int32_t)id > 0 ? 0 : -EINVAL;
    case P_PGID:
        if ((int32_t)id == 0)
            target->id = (uint32_t)process_group_of(0);
        return (int32_t)id >= 0 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

// A wait status in siginfo's words.
static void describe_status(struct abi_siginfo *info, uint32_t status)
{
    info->signal = SIGCHLD;
    if (status == WAIT_CONTINUED_STATUS) {
        info->code = CLD_CONTINUED;
        info->child.status = SIGCONT;
    } else if ((status & 0xff) == WAIT_STOPPED_MARK) {
        info->code = CLD_STOPPED;
        info->child.status = (int32_t)(status >> 8);
    } else if (status & 0x7f) {
        info->code = status & WAIT_STATUS_CORE ? CLD_DUMPED : CLD_KILLED;
        info->child.status = (int32_t)(status & 0x7f);
    } else {
        info->code = CLD_EXITED;
        info->child.status = (int32_t)(status >> 8 & 0xff);
    }
}

// Only these fields: Linux leaves the rest of the program's structure as it was.
static int store_info(uint64_t address, const struct abi_siginfo *info)
{
    size_t head = offsetof(struct abi_siginfo, pad), child = offsetof(struct abi_siginfo, child);
    size_t child_size =
        sizeof(info->child.pid) + sizeof(info->child.uid) + sizeof(info->child.status);
    if (copy_to_user(user_addr_make(address), info, head) != 0)
        return -EFAULT;
    return copy_to_user(user_addr_make(address + child), &info->child, child_size);
}

HANDLER5(waitid, kind, id, info_address, options, usage)
{
    uint32_t known = WNOHANG | WNOWAIT | WAIT_WHICH | WAIT_NO_THREAD | WAIT_ALL | WAIT_CLONE;
    struct wait_target target;
    if ((uint32_t)options & ~known || !(options & WAIT_WHICH))
        return -EINVAL;
    int error = take_target(kind, id, &target);
    if (error)
        return error;
    uint32_t status = 0;
    struct abi_rusage child_usage;
    struct abi_siginfo info = { 0 };
    int64_t child = process_wait(&target, (uint32_t)options, &status, &child_usage);
    if (child < 0)
        return child;
    if (child > 0) {
        info.child.pid = (uint32_t)child;
        describe_status(&info, status);
        if (usage && put_user(user_addr_make(usage), child_usage) != 0)
            return -EFAULT;
    }
    return info_address ? store_info(info_address, &info) : 0;
}
