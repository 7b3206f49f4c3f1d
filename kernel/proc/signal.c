// Signals: sending, pending sets, and the default actions at the exit gate. Sent by kill, by faults
// (through fault_signal in trap/), by the process layer and by the system-call layer.
// Invariant: a pending bit is set before the thread is told to look (thread_add_work), and the gate
// clears the telling before it looks: no signal is lost in between.

#include "proc/signal.h"
#include "proc/internal.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "lib/string.h"

#define SIGNAL_BIT(signal) (1ull << ((signal)-1))
#define CORE_SIGNALS                                                                               \
    (SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |        \
     SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGSYS) |          \
     SIGNAL_BIT(SIGXCPU) | SIGNAL_BIT(SIGXFSZ))
#define STOP_SIGNALS                                                                               \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define IGNORED_SIGNALS                                                                            \
    (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))
#define DEADLY_SIGNALS (~(STOP_SIGNALS | IGNORED_SIGNALS))

#define SYSCALL_INSTRUCTION_LENGTH 2u

static uint32_t death_status(uint32_t signal)
{
    return signal | (SIGNAL_BIT(signal) & CORE_SIGNALS ? WAIT_STATUS_CORE : 0);
}

static void tell_parent(struct process *process)
{
    if (process->parent)
        wait_wake_all(&process->parent->child_exit);
}

static void alert_threads(struct process *process)
{
    list_for_each (node, &process->threads)
        thread_add_work(list_entry(node, struct thread, owner_link), THREAD_WORK_SIGNAL);
}

static void continue_process(struct process *process, bool report)
{
    if (!process->stopped)
        return;
    process->stopped = false;
    process->stop_unreported = false;
    process->continue_unreported = report;
    wait_wake_all(&process->continued);
    if (report)
        tell_parent(process);
}

static void remember_sender(struct process *process, const struct process *sender)
{
    process->killer_pid = sender ? sender->pid : 0;
    if (sender)
        string_copy(process->killer_name, sender->name, sizeof(process->killer_name));
}

int signal_send_locked(struct process *process, uint32_t signal, const struct process *sender)
{
    if (signal > SIGNAL_LIMIT)
        return -EINVAL;
    if (signal == 0 || process->state != PROCESS_ALIVE || process->exiting)
        return 0;
    if (signal == SIGCONT) {
        atomic_fetch_and(&process->pending_signals, ~STOP_SIGNALS);
        continue_process(process, true);
    }
    // Nobody may end or stop init: the machine would go with it.
    if (SIGNAL_BIT(signal) & IGNORED_SIGNALS || process->pid == INIT_PID)
        return 0;
    if (SIGNAL_BIT(signal) & DEADLY_SIGNALS)
        remember_sender(process, sender);
    if (signal == SIGKILL)
        continue_process(process, false);
    atomic_fetch_or(&process->pending_signals, SIGNAL_BIT(signal));
    alert_threads(process);
    return 0;
}

int signal_send(struct process *process, uint32_t signal)
{
    spinlock_acquire(&process_lock);
    int result = signal_send_locked(process, signal, NULL);
    spinlock_release(&process_lock);
    return result;
}

static bool target_is_meant(const struct process *process, const struct process *sender,
                            int64_t pid)
{
    if (pid == -1)
        return process != sender && process->pid != INIT_PID;
    return process->group == (pid == 0 ? sender->group : -pid);
}

int signal_kill(int64_t pid, uint32_t signal)
{
    const struct process *sender = current_process();
    int result = -ESRCH;
    spinlock_acquire(&process_lock);
    if (pid > 0) {
        struct process *process = pid < PID_LIMIT ? process_find_locked(pid) : NULL;
        if (process)
            result = signal_send_locked(process, signal, sender);
    } else {
        list_for_each (node, &process_list) {
            struct process *process = list_entry(node, struct process, all_link);
            if (target_is_meant(process, sender, pid))
                result = signal_send_locked(process, signal, sender);
        }
    }
    spinlock_release(&process_lock);
    return result;
}

bool signal_death_is_due(struct process *process)
{
    return process->exiting || atomic_load(&process->pending_signals) & DEADLY_SIGNALS;
}

// SIGKILL first, then the lowest number. 0: nothing is pending.
static uint32_t take_pending(struct process *process)
{
    uint64_t pending = atomic_load(&process->pending_signals);
    if (pending == 0)
        return 0;
    uint32_t signal = pending & SIGNAL_BIT(SIGKILL) ? SIGKILL : __builtin_ctzll(pending) + 1;
    atomic_fetch_and(&process->pending_signals, ~SIGNAL_BIT(signal));
    return signal;
}

static void stop_locked(struct process *process, uint32_t signal)
{
    process->stopped = true;
    process->stop_signal = signal;
    process->stop_unreported = true;
    process->continue_unreported = false;
    alert_threads(process);
    tell_parent(process);
}

// Only SIGCONT, SIGKILL and shutdown clear `stopped`.
static void wait_until_continued(struct process *process)
{
    struct waiter waiter = { 0 };
    for (;;) {
        wait_prepare(&process->continued, &waiter, WAIT_UNINTERRUPTIBLE);
        spinlock_acquire(&process_lock);
        bool stopped = process->stopped;
        spinlock_release(&process_lock);
        if (!stopped || wait_block(WAIT_FOREVER) != 0)
            break;
    }
    wait_finish(&process->continued, &waiter);
}

// What the gate has to do next, decided in one step under the lock.
enum gate_step { GATE_LEAVE, GATE_DIE_BY_SIGNAL, GATE_DIE_WITH_PROCESS, GATE_STOPPED };

static enum gate_step choose_step(struct process *process, uint32_t *signal)
{
    if (process->exiting)
        return GATE_DIE_WITH_PROCESS;
    if (process->stopped)
        return GATE_STOPPED;
    *signal = take_pending(process);
    if (*signal == 0)
        return GATE_LEAVE;
    if (SIGNAL_BIT(*signal) & STOP_SIGNALS) {
        stop_locked(process, *signal);
        return GATE_STOPPED;
    }
    return GATE_DIE_BY_SIGNAL;
}

// No handler ran, so the program must not see that its call was interrupted: it is made again. The
// number is in `error`; sleeps put restart_syscall's there.
static void restart_interrupted_call(struct trap_frame *frame)
{
    if (frame->vector != VECTOR_SYSCALL || (int64_t)frame->rax != -EINTR)
        return;
    frame->rip -= SYSCALL_INSTRUCTION_LENGTH;
    frame->rax = frame->error;
}

void signal_exit_gate(struct trap_frame *frame)
{
    struct process *process = current_process();
    if (!process)
        return;
    for (;;) {
        uint32_t signal = 0;
        atomic_fetch_and(&current_thread()->work, ~THREAD_WORK_SIGNAL);
        spinlock_acquire(&process_lock);
        enum gate_step step = choose_step(process, &signal);
        uint32_t requested_status = process->requested_status;
        spinlock_release(&process_lock);
        switch (step) {
        case GATE_LEAVE:
            restart_interrupted_call(frame);
            return;
        case GATE_STOPPED:
            wait_until_continued(process);
            break;
        case GATE_DIE_BY_SIGNAL:
            signal_report_death(process, signal);
            process_exit(death_status(signal));
        case GATE_DIE_WITH_PROCESS:
            process_exit(requested_status);
        }
    }
}

void signal_end_process(uint32_t signal)
{
    spinlock_acquire(&process_lock);
    process_begin_exit_locked(current_process(), death_status(signal));
    spinlock_release(&process_lock);
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL);
}
