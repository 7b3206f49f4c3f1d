// Actions, masks and waiting for signals; what exec, fork and exit do to them. Called by the
// system-call layer for the running thread, and by exec.c, fork.c and exit.c.
// Invariant: whoever makes a pending signal deliverable tells the thread to look at the exit gate;
// and a thread that stops taking some of them (blocks them, waits for them no more) tells another.

#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "lib/string.h"

static bool action_is_to_ignore(const struct abi_sigaction *action, uint32_t signal)
{
    return action->handler == SIG_IGN ||
           (action->handler == SIG_DFL && signal_default_is_ignored(signal));
}

int signal_action(uint32_t signal, const struct abi_sigaction *new_action,
                  struct abi_sigaction *old_action)
{
    if (signal == 0 || signal > SIGNAL_LIMIT)
        return -EINVAL;
    if (new_action && SIGNAL_BIT(signal) & SIGNALS_UNMASKABLE)
        return -EINVAL;
    struct process *process = current_process();
    struct abi_sigaction *action = &process->actions[signal - 1];
    process_lock(process);
    if (old_action)
        *old_action = *action;
    if (new_action) {
        process->actions_set |= SIGNAL_BIT(signal);
        *action = (struct abi_sigaction){ .handler = new_action->handler,
                                          .flags = new_action->flags & SA_KNOWN,
                                          .restorer = new_action->restorer,
                                          .mask = new_action->mask & ~SIGNALS_UNMASKABLE };
        if (action_is_to_ignore(action, signal))
            pending_discard_everywhere(process, SIGNAL_BIT(signal)); // blocked or not (POSIX)
    }
    process_unlock(process);
    return 0;
}

uint64_t signal_mask(void)
{
    return current_thread()->signals.blocked;
}

static void change_mask_locked(struct thread *thread, uint64_t mask)
{
    signal_block_locked(thread, mask & ~thread->signals.blocked);
    thread->signals.blocked = mask & ~SIGNALS_UNMASKABLE;
    signal_recheck_locked(thread);
}

void signal_set_mask(uint64_t mask)
{
    struct process *process = current_process();
    process_lock(process);
    change_mask_locked(current_thread(), mask);
    process_unlock(process);
}

void signal_set_temporary_mask(uint64_t mask)
{
    struct process *process = current_process();
    struct thread *thread = current_thread();
    process_lock(process);
    thread->signals.saved_blocked = thread->signals.blocked;
    thread->signals.restores_blocked = true;
    change_mask_locked(thread, mask);
    process_unlock(process);
}

void signal_restore_mask(void)
{
    struct process *process = current_process();
    struct thread *thread = current_thread();
    process_lock(process);
    if (thread->signals.restores_blocked) {
        thread->signals.restores_blocked = false;
        change_mask_locked(thread, thread->signals.saved_blocked);
    }
    process_unlock(process);
}

uint64_t signal_pending(void)
{
    const struct thread *thread = current_thread();
    struct process *process = current_process();
    process_lock(process);
    uint64_t pending = process->pending_signals.set | thread->signals.pending.set;
    process_unlock(process);
    return pending & thread->signals.blocked;
}

int64_t signal_wait_any(void)
{
    return sleep_until(WAIT_FOREVER) == 0 ? 0 : -ERESTARTNOHAND;
}

// Leaves `awaited` set as long as nothing was taken.
static uint32_t take_awaited(struct process *process, struct thread *thread, uint64_t set,
                             struct abi_siginfo *info)
{
    bool taken = pending_take(process, &thread->signals.pending, set, info);
    if (!taken && pending_take(process, &process->pending_signals, set, info)) {
        taken = true;
        if (info->signal == SIGALRM)
            itimer_restart_locked(process);
    }
    thread->signals.awaited = taken ? 0 : set;
    return taken ? (uint32_t)info->signal : 0;
}

// Sending sets the thread's work when it is awaited: that ends the wait, as every signal does.
int64_t signal_wait_for(uint64_t set, uint64_t deadline_ns, struct abi_siginfo *info)
{
    struct process *process = current_process();
    struct thread *thread = current_thread();
    set &= ~SIGNALS_UNMASKABLE;
    process_lock(process);
    uint32_t signal = take_awaited(process, thread, set, info);
    process_unlock(process);
    if (signal)
        return signal;
    int error = clock_now_ns() < deadline_ns ? sleep_until(deadline_ns) : 0;
    process_lock(process);
    signal = take_awaited(process, thread, set, info);
    thread->signals.awaited = 0;
    signal_block_locked(thread, set & thread->signals.blocked); // more may have come for one waiter
    signal_recheck_locked(thread);
    process_unlock(process);
    if (signal)
        return signal;
    return error ? -EINTR : -EAGAIN;
}

static void reset_actions(struct process *process)
{
    for (uint64_t left = process->actions_set; left; left &= left - 1) {
        struct abi_sigaction *action = &process->actions[__builtin_ctzll(left)];
        *action =
            (struct abi_sigaction){ .handler = action->handler == SIG_IGN ? SIG_IGN : SIG_DFL };
    }
}

// Handlers are gone with the old program; what is ignored stays so, and so do mask and pending.
void signal_reset_for_exec_locked(struct process *process)
{
    struct thread_signals *signals = &current_thread()->signals;
    reset_actions(process);
    signals->stack = (struct abi_signal_stack){ 0 };
    signals->sleep = (struct sleep_restart){ 0 };
}

// The child is not yet in the tree: nobody else sees it.
void signal_inherit_actions_locked(struct process *child, const struct process *parent,
                                   uint64_t clone_flags)
{
    child->actions_set = parent->actions_set;
    for (uint64_t left = child->actions_set; left; left &= left - 1)
        child->actions[__builtin_ctzll(left)] = parent->actions[__builtin_ctzll(left)];
    if (clone_flags & CLONE_CLEAR_SIGHAND)
        reset_actions(child);
}

// The thread is NEW.
void signal_inherit_mask(struct thread *thread, uint64_t clone_flags)
{
    const struct thread *self = current_thread();
    thread->signals.blocked = self->signals.blocked;
    // Two that run in the same memory at once must not share the stack.
    if ((clone_flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM)
        thread->signals.stack = self->signals.stack;
}

void signal_discard_all_locked(struct process *process, struct thread *thread)
{
    pending_discard(process, &process->pending_signals, ~0ull);
    pending_discard(process, &thread->signals.pending, ~0ull);
}
