// The exit gate's part: takes what is pending for the running thread and acts on it: handler frame,
// stop, death. Then the interrupted system call is repeated or ends with -EINTR. Called by trap/.
// Invariant: when the gate is passed, the thread has no signal left that it would act on, its mask
// is its own, and no internal restart code is in RAX.

#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "cpu/frame.h"

#define SYSCALL_INSTRUCTION_LENGTH 2u
#define RESTART_SYSCALL_NUMBER 219u

static bool has_handler(const struct abi_sigaction *action)
{
    return action->handler != SIG_DFL && action->handler != SIG_IGN;
}

// A pending signal that the running thread would end the process for; 0: none.
static uint32_t find_deadly_locked(const struct process *process)
{
    uint64_t pending = signal_deliverable_locked(process, current_thread());
    if (process->pid == INIT_PID)
        return 0;
    for (; pending != 0; pending &= pending - 1) {
        uint32_t signal = (uint32_t)__builtin_ctzll(pending) + 1;
        if (process->actions[signal - 1].handler == SIG_DFL && signal_default_is_deadly(signal))
            return signal;
    }
    return 0;
}

// Who has a signal pending has work at the gate already.
bool signal_death_begin(struct process *process)
{
    uint32_t signal = 0;
    bool all = process_lock_or_all(process);
    bool due = process->exiting || process->exec_thread;
    if (!due)
        signal = find_deadly_locked(process);
    if (signal)
        process_begin_exit_locked(process, signal_death_status(signal));
    process_unlock_or_all(process, all);
    if (signal)
        signal_report_death(process, signal);
    return due || signal;
}

// All threads come to the gate; signal_check_stop_locked() tells the parent then.
never_inlined static void stop_locked(struct process *process, uint32_t signal)
{
    process_set_stopped_locked(process, true);
    process->stop_signal = signal;
    process->stopped_threads = 0;
    process->stop_unreported = process->continue_unreported = false;
    list_for_each (node, &process->threads)
        thread_add_work(list_entry(node, struct thread, owner_link), THREAD_WORK_SIGNAL);
}

void signal_check_stop_locked(struct process *process)
{
    if (!process->stopped || process->exec_thread ||
        process->stopped_threads != process->thread_count)
        return;
    process->stop_unreported = true;
    signal_child_stopped_locked(process, process->stop_signal);
}

// Only SIGCONT, SIGKILL, shutdown and an execve end this, and the gate decides again: a thread
// counts itself once in each stop, also if it meets the next before it saw the end of the last. Who
// ends it takes the lock that is held here, and finds the waiter.
never_inlined static void stop_here_locked(struct process *process, struct waiter *waiter)
{
    process->stopped_threads++;
    signal_check_stop_locked(process);
    wait_prepare(&process->continued, waiter, WAIT_UNINTERRUPTIBLE);
}

// What the gate has to do next, decided in one step under the lock.
enum gate_step {
    GATE_LEAVE,
    GATE_HANDLE,
    GATE_DIE_BY_SIGNAL,
    GATE_DIE_WITH_PROCESS,
    GATE_DIE_ALONE, // another thread executes a new program
    GATE_STOPPED,
};

struct gate_decision {
    enum gate_step step;
    struct abi_siginfo info;
    // for GATE_HANDLE:
    struct abi_sigaction action;
    uint64_t mask; // for sigreturn to put back
    uint64_t blocked_before;
    bool restores_before;
    bool is_last; // nothing else is due
};

static bool take_signal(struct process *process, struct thread *thread, struct abi_siginfo *info)
{
    struct thread_signals *signals = &thread->signals;
    if (signals->has_fault) {
        signals->has_fault = false;
        *info = signals->fault;
        return true;
    }
    if (pending_has(&signals->pending, ~signals->blocked))
        return pending_take(process, &signals->pending, ~signals->blocked, info);
    if (!pending_take(process, &process->pending_signals, ~signals->blocked, info))
        return false;
    if (info->signal == SIGALRM)
        itimer_restart_locked(process);
    return true;
}

static void block_for_handler(struct thread *thread, uint32_t signal,
                              const struct abi_sigaction *action)
{
    uint64_t added = action->mask; // which has no SIGKILL and SIGSTOP
    if (!(action->flags & SA_NODEFER))
        added |= SIGNAL_BIT(signal);
    thread->signals.restores_blocked = false;
    thread->signals.blocked |= added;
    signal_block_locked(thread, added);
}

static enum gate_step act_on_signal(struct process *process, struct thread *thread,
                                    struct gate_decision *decision)
{
    uint32_t signal = (uint32_t)decision->info.signal;
    struct abi_sigaction *action = &process->actions[signal - 1];
    decision->action = *action;
    if (has_handler(action)) {
        if (action->flags & SA_RESETHAND)
            action->handler = SIG_DFL;
        block_for_handler(thread, signal, action);
        return GATE_HANDLE;
    }
    if (action->handler == SIG_IGN || signal_default_is_ignored(signal) || process->pid == INIT_PID)
        return GATE_LEAVE; // nothing to do for this one
    if (!signal_default_is_stop(signal))
        return GATE_DIE_BY_SIGNAL;
    if (process->pending_signals.set & SIGNAL_BIT(SIGKILL))
        return GATE_LEAVE; // which continues whom it finds stopped, but came before: it is next
    if (signal != SIGSTOP && process_group_is_orphaned_locked(process->group, NULL))
        return GATE_LEAVE; // nobody would continue it
    stop_locked(process, signal);
    return GATE_STOPPED;
}

static void decide(struct process *process, struct thread *thread, struct gate_decision *decision)
{
    struct thread_signals *signals = &thread->signals;
    decision->blocked_before = signals->blocked;
    decision->restores_before = signals->restores_blocked;
    decision->mask = signals->restores_blocked ? signals->saved_blocked : signals->blocked;
    decision->step = GATE_LEAVE;
    if (process->exiting)
        decision->step = GATE_DIE_WITH_PROCESS;
    else if (unlikely(process->exec_thread))
        decision->step = GATE_DIE_ALONE;
    else if (process->stopped)
        decision->step = GATE_STOPPED;
    while (decision->step == GATE_LEAVE && take_signal(process, thread, &decision->info))
        decision->step = act_on_signal(process, thread, decision);
    // The others must not find the signal gone and the process alive.
    if (decision->step == GATE_DIE_BY_SIGNAL)
        process_begin_exit_locked(process, signal_death_status((uint32_t)decision->info.signal));
    decision->is_last = !signals->has_fault && signal_deliverable_locked(process, thread) == 0;
    if (decision->step == GATE_LEAVE && signals->restores_blocked) {
        signals->restores_blocked = false;
        signals->blocked = signals->saved_blocked;
        signal_recheck_locked(thread);
    }
}

// `action` NULL: no handler runs, and the program must not see that its call was interrupted. The
// number of the call is in `error`.
static void settle_call(struct trap_frame *frame, const struct abi_sigaction *action)
{
    if (frame->vector != VECTOR_SYSCALL)
        return;
    bool repeats = !action;
    switch ((int64_t)frame->rax) {
    case -ERESTART_RESTARTBLOCK:
        if (repeats)
            frame->error = RESTART_SYSCALL_NUMBER;
        break;
    case -ERESTARTNOHAND:
        break;
    case -ERESTARTSYS:
        repeats |= action && action->flags & SA_RESTART;
        break;
    case -ERESTARTNOINTR:
        repeats = true;
        break;
    default:
        return;
    }
    if (!repeats) {
        frame->rax = (uint64_t)-EINTR;
        return;
    }
    frame->rip -= SYSCALL_INSTRUCTION_LENGTH;
    frame->rax = frame->error;
}

bool signal_is_restart_code(int64_t result)
{
    return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}

// Nowhere to put the handler's frame. The gate looks at what is pending again.
never_inlined static void refuse_handler(const struct trap_frame *frame, struct thread *thread,
                                         const struct gate_decision *decision)
{
    struct fault_info no_stack = { .signal = SIGSEGV,
                                   .code = SI_KERNEL,
                                   .reason = "no room for a signal frame" };
    struct process *process = thread->owner;
    process_lock(process);
    thread->signals.blocked = decision->blocked_before;
    thread->signals.restores_blocked = decision->restores_before;
    process_unlock(process);
    if (decision->info.signal == SIGSEGV) // its own handler cannot run either
        (void)signal_action(SIGSEGV, &(struct abi_sigaction){ 0 }, NULL);
    signal_fault(frame, &no_stack);
}

// False: there is more to do.
static bool enter_handler(struct trap_frame *frame, struct thread *thread,
                          const struct gate_decision *decision)
{
    const struct abi_sigaction *action = &decision->action;
    settle_call(frame, action);
    if (signal_frame_push(frame, &decision->info, action, decision->mask) == 0)
        return decision->is_last;
    refuse_handler(frame, thread, decision);
    return false;
}

// A stop, also one that is there already, is for all processes to be locked. True: they are.
static bool lock_to_decide(struct process *process, const struct thread *thread)
{
    process_lock(process);
    uint64_t pending = process->pending_signals.set | thread->signals.pending.set;
    bool stops = process->stopped || (pending & SIGNALS_STOP);
    return unlikely(stops) && process_exchange_for_all(process);
}

void signal_exit_gate(struct trap_frame *frame)
{
    struct process *process = current_process();
    struct thread *thread = current_thread();
    struct gate_decision decision;
    struct waiter waiter = { 0 };
    for (;;) {
        atomic_fetch_and(&thread->work, ~THREAD_WORK_SIGNAL);
        bool all = lock_to_decide(process, thread);
        decide(process, thread, &decision);
        if (unlikely(decision.step == GATE_STOPPED))
            stop_here_locked(process, &waiter);
        process_unlock_or_all(process, all);
        switch (decision.step) {
        case GATE_LEAVE:
            settle_call(frame, NULL);
            return;
        case GATE_HANDLE:
            if (enter_handler(frame, thread, &decision))
                return;
            break;
        case GATE_STOPPED:
            (void)!wait_block(WAIT_FOREVER);
            wait_finish(&process->continued, &waiter);
            break;
        case GATE_DIE_BY_SIGNAL:
            signal_report_death(process, (uint32_t)decision.info.signal);
            fall_through;
        case GATE_DIE_WITH_PROCESS:
            process_exit(process->requested_status); // which nobody changes now
        case GATE_DIE_ALONE:
            process_exit_thread(0);
        }
    }
}

void signal_end_process(uint32_t signal)
{
    struct process *process = current_process();
    bool all = process_lock_or_all(process);
    process_begin_exit_locked(process, signal_death_status(signal));
    process_unlock_or_all(process, all);
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL);
}
