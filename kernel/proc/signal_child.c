// What a parent is told of its children: SIGCHLD with siginfo, and a wake-up for its wait4. Called
// by exit and by the stop and continue of processes, with the parent's lock held, or all.

#include "proc/internal.h"

#include "abi/process.h"
#include "proc/signal_queue.h"

#define NS_PER_TICK 10000000ull

static void tell_parent(struct process *child, uint32_t signal, int32_t code, uint32_t status)
{
    struct abi_siginfo info = { .signal = (int32_t)signal, .code = code };
    uint64_t user_ns, system_ns;
    process_cpu_times_locked(child, &user_ns, &system_ns);
    info.child.pid = child->pid;
    info.child.status = (int32_t)status;
    info.child.user_ticks = (int64_t)(user_ns / NS_PER_TICK);
    info.child.system_ticks = (int64_t)(system_ns / NS_PER_TICK);
    int error = signal_send_locked(child->parent, NULL, &info, NULL);
    (void)error; // no queue room for a real-time exit signal: wait4 still tells
}

static const struct abi_sigaction *child_action(const struct process *parent)
{
    return &parent->actions[SIGCHLD - 1];
}

bool signal_child_ended_locked(struct process *child)
{
    struct process *parent = child->parent;
    uint32_t signal = child->exit_signal, status = child->exit_status;
    bool ignores = signal == SIGCHLD && child_action(parent)->handler == SIG_IGN;
    bool unwanted = ignores || (signal == SIGCHLD && child_action(parent)->flags & SA_NOCLDWAIT);
    int32_t code = !(status & 0x7f)            ? CLD_EXITED
                   : status & WAIT_STATUS_CORE ? CLD_DUMPED
                                               : CLD_KILLED;
    if (signal && !ignores)
        tell_parent(child, signal, code, code == CLD_EXITED ? status >> 8 & 0xff : status & 0x7f);
    wait_wake_all(&parent->child_exit);
    return unwanted;
}

static void tell_of_job(struct process *child, int32_t code, uint32_t status)
{
    if (!child->parent)
        return;
    if (!(child_action(child->parent)->flags & SA_NOCLDSTOP))
        tell_parent(child, SIGCHLD, code, status);
    wait_wake_all(&child->parent->child_exit);
}

void signal_child_stopped_locked(struct process *child, uint32_t signal)
{
    tell_of_job(child, CLD_STOPPED, signal);
}

void signal_child_continued_locked(struct process *child)
{
    tell_of_job(child, CLD_CONTINUED, SIGCONT);
}
