// Sending signals: who is meant, what is dropped at once, who is told. Called by kill and its kin,
// by the process layer and by timers (in the interrupt).
// Invariant: a signal is pending before a thread is told to look (thread_add_work), and the gate
// clears the telling before it looks: no signal is lost in between.

#include "proc/signal.h"
#include "proc/internal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "lib/string.h"

#define IGNORED_SIGNALS                                                                            \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))

bool signal_default_is_deadly(uint32_t signal)
{
    return !(SIGNAL_BIT(signal) & (SIGNALS_STOP | IGNORED_SIGNALS));
}

bool signal_default_is_stop(uint32_t signal)
{
    return SIGNAL_BIT(signal) & SIGNALS_STOP;
}

bool signal_default_is_ignored(uint32_t signal)
{
    return SIGNAL_BIT(signal) & IGNORED_SIGNALS;
}

uint32_t signal_death_status(uint32_t signal)
{
    return signal; // without WAIT_STATUS_CORE: nothing is dumped, RLIMIT_CORE is 0
}

never_inlined static void continue_process(struct process *process, bool report)
{
    if (!process->stopped)
        return;
    // All are locked, as for every signal to a stopped process.
    process_set_stopped_locked(process, false);
    process->stop_unreported = false;
    process->continue_unreported = report;
    wait_wake_all(&process->continued);
    if (report)
        signal_child_continued_locked(process);
}

// A stop and a continuation cancel each other when they are sent, whoever blocks or ignores them.
static void cancel_opposite(struct process *process, uint32_t signal)
{
    if (signal == SIGCONT) {
        pending_discard_everywhere(process, SIGNALS_STOP);
        continue_process(process, true);
    } else if (SIGNAL_BIT(signal) & SIGNALS_STOP) {
        pending_discard_everywhere(process, SIGNAL_BIT(SIGCONT));
    } else if (signal == SIGKILL) {
        continue_process(process, false);
    }
}

static bool thread_blocks(const struct thread *thread, uint32_t signal)
{
    return (thread->signals.blocked | thread->signals.awaited) & SIGNAL_BIT(signal);
}

static bool somebody_blocks(const struct process *process, const struct thread *thread,
                            uint32_t signal)
{
    if (thread)
        return thread_blocks(thread, signal);
    list_for_each (node, &process->threads) {
        if (thread_blocks(list_entry(node, struct thread, owner_link), signal))
            return true;
    }
    return false;
}

// What is blocked waits, whatever its action is now: that may change until it is unblocked. Nobody
// may end or stop init by a signal that it does not handle: the machine would go with it.
static bool is_dropped(const struct process *process, const struct thread *thread, uint32_t signal)
{
    uint64_t handler = process->actions[signal - 1].handler;
    bool has_no_effect =
        handler == SIG_IGN ||
        (handler == SIG_DFL && (SIGNAL_BIT(signal) & IGNORED_SIGNALS || process->pid == INIT_PID));
    return has_no_effect && !somebody_blocks(process, thread, signal);
}

static bool thread_takes(const struct thread *thread, uint32_t signal)
{
    return (~thread->signals.blocked | thread->signals.awaited) & SIGNAL_BIT(signal);
}

// One thread is enough. When all of them block it, the one that unblocks it looks then. SIGKILL
// concerns all: who sent it to its own process must not run another instruction of the program.
static void alert(struct process *process, struct thread *thread, uint32_t signal)
{
    if (thread) {
        if (thread_takes(thread, signal))
            thread_add_work(thread, THREAD_WORK_SIGNAL);
        return;
    }
    list_for_each (node, &process->threads) {
        struct thread *candidate = list_entry(node, struct thread, owner_link);
        if (thread_takes(candidate, signal)) {
            thread_add_work(candidate, THREAD_WORK_SIGNAL);
            if (signal != SIGKILL)
                return;
        }
    }
}

// Its name may be changing: then it is some of both.
static void remember_sender(struct process *process, const struct process *sender)
{
    process->killer_pid = sender ? sender->pid : 0;
    if (sender)
        memcpy(process->killer_name, sender->name, sizeof(process->killer_name));
}

int signal_send_locked(struct process *process, struct thread *thread,
                       const struct abi_siginfo *info, const struct process *sender)
{
    uint32_t signal = (uint32_t)info->signal;
    if (signal > SIGNAL_LIMIT)
        return -EINVAL;
    if (signal == 0 || process->state != PROCESS_ALIVE || process->exiting)
        return 0;
    if (signal == SIGKILL)
        thread = NULL; // whichever thread it was sent to: the first one at the gate finds it
    cancel_opposite(process, signal);
    if (is_dropped(process, thread, signal))
        return 0;
    int error =
        pending_add(process, thread ? &thread->signals.pending : &process->pending_signals, info);
    if (error)
        return error;
    if (signal_default_is_deadly(signal))
        remember_sender(process, sender);
    alert(process, thread, signal);
    return 0;
}

uint64_t signal_deliverable_locked(const struct process *process, const struct thread *thread)
{
    uint64_t pending = process->pending_signals.set | thread->signals.pending.set;
    return pending & (~thread->signals.blocked | thread->signals.awaited);
}

void signal_recheck_locked(struct thread *thread)
{
    if (signal_deliverable_locked(thread->owner, thread) != 0)
        thread_add_work(thread, THREAD_WORK_SIGNAL);
}

void signal_block_locked(struct thread *thread, uint64_t signals)
{
    struct process *process = thread->owner;
    signals &= process->pending_signals.set;
    if (likely(!signals))
        return;
    list_for_each (node, &process->threads) {
        struct thread *other = list_entry(node, struct thread, owner_link);
        if (other != thread && signals & (~other->signals.blocked | other->signals.awaited))
            thread_add_work(other, THREAD_WORK_SIGNAL);
    }
}

static struct abi_siginfo info_from(const struct process *sender, uint32_t signal)
{
    struct abi_siginfo info = { .signal = (int32_t)signal, .code = SI_USER };
    info.sender.pid = sender->pid; // every user is root, id 0
    return info;
}

void signal_send_self(uint32_t signal)
{
    struct process *process = current_process();
    struct abi_siginfo info = info_from(process, signal);
    process_lock(process);
    int error = signal_send_locked(process, current_thread(), &info, process);
    process_unlock(process);
    (void)error; // -EAGAIN is for queued real-time signals
}

int signal_kill(int64_t pid, uint32_t signal)
{
    struct abi_siginfo info = info_from(current_process(), signal);
    if (pid <= 0)
        return process_group_kill(pid, &info);
    return pid < PID_LIMIT ? signal_send_info((uint32_t)pid, &info) : -ESRCH;
}

// The process with this pid, or that has a thread with this number; with a reference, unless it is
// the running one.
static struct process *find_target(uint32_t number)
{
    struct process *self = current_process();
    if (number == self->pid)
        return self;
    struct process *process = number < PID_LIMIT ? process_find(number) : NULL;
    if (process == self)
        process_release(self);
    return process;
}

static void release_target(struct process *process)
{
    if (process != current_process())
        process_release(process);
}

int signal_send_info(uint32_t pid, const struct abi_siginfo *info)
{
    struct process *process = find_target(pid);
    if (!process)
        return -ESRCH;
    bool all = process_lock_or_all(process);
    int result = signal_send_locked(process, NULL, info, current_process());
    process_unlock_or_all(process, all);
    release_target(process);
    return result;
}

// A first thread that ended before the others still has its number: the signal is lost with it.
static int send_to_thread_locked(struct process *process, uint32_t tid,
                                 const struct abi_siginfo *info)
{
    struct thread *thread = thread_find_locked(process, tid);
    if (thread)
        return signal_send_locked(process, thread, info, current_process());
    return tid == process->pid ? 0 : -ESRCH;
}

int signal_send_thread(uint32_t pid, uint32_t tid, const struct abi_siginfo *info)
{
    int result = -ESRCH;
    struct process *process = find_target(tid);
    if (!process)
        return result;
    bool all = process_lock_or_all(process);
    if (pid == 0 || process->pid == pid)
        result = send_to_thread_locked(process, tid, info);
    process_unlock_or_all(process, all);
    release_target(process);
    return result;
}
