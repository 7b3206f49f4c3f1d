// Job control: terminals and sessions, foreground and background. Called by the terminals for the
// running process, and by exit for a session's leader.
// Invariant: a process's controlling terminal is the one whose session is the process's, unless it
// gave it up (TIOCNOTTY). Groups, sessions and who is in the foreground change while all processes
// are locked; every decision here is made so, too: none can go stale before it is acted upon.
//
// Races, and why they are harmless:
// - The foreground group becomes empty while a key is typed: the signal reaches nobody. Its number
//   stays taken (process_number_keep), so no new process can be meant by it.
// - A leader exits while others of its session read: hang_up() tells the readers and frees the
//   terminal in one step under the terminal's lock, which every reader looks at its condition
//   under. Whoever comes later belongs to a session without a terminal.
// - A terminal is taken away (TIOCSCTTY with 1) between the exit's look and its hang-up: the
//   disconnection names the session it means, and is none when the terminal has another.

#include "proc/job_control.h"
#include "proc/internal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"

static struct list_node terminals = LIST_HEAD_INIT(terminals);

void job_terminal_add(struct job_terminal *terminal)
{
    process_lock_all();
    list_append(&terminals, &terminal->link);
    process_unlock_all();
}

static bool is_leader(const struct process *process)
{
    return process->session == process->pid;
}

static bool is_own(const struct job_terminal *terminal, const struct process *process)
{
    return process && terminal->session == process->session && !process->gave_up_terminal;
}

static bool has_terminal(const struct process *process)
{
    list_for_each (node, &terminals) {
        if (is_own(list_entry(node, struct job_terminal, link), process))
            return true;
    }
    return false;
}

bool job_terminal_is_own(const struct job_terminal *terminal)
{
    process_tree_hold();
    bool result = is_own(terminal, current_process());
    process_tree_leave();
    return result;
}

static void change_foreground(struct job_terminal *terminal, uint32_t group)
{
    if (group)
        process_number_keep(group);
    if (terminal->foreground_group)
        process_number_free(terminal->foreground_group);
    terminal->foreground_group = group;
}

static void connect(struct job_terminal *terminal, struct process *leader)
{
    terminal->session = leader->session;
    leader->gave_up_terminal = false;
    change_foreground(terminal, leader->group);
}

void job_terminal_open(struct job_terminal *terminal)
{
    struct process *process = current_process();
    process_lock_all();
    if (process && is_leader(process) && terminal->session == 0 && !has_terminal(process))
        connect(terminal, process);
    process_unlock_all();
}

static int acquire_locked(struct job_terminal *terminal, struct process *process, bool steals)
{
    if (is_leader(process) && is_own(terminal, process))
        return 0;
    if (!is_leader(process) || has_terminal(process))
        return -EPERM;
    if (terminal->session != 0 && terminal->session != process->session && !steals)
        return -EPERM;
    connect(terminal, process);
    return 0;
}

int job_terminal_acquire(struct job_terminal *terminal, bool steals)
{
    process_lock_all();
    int result = acquire_locked(terminal, current_process(), steals);
    process_unlock_all();
    return result;
}

void job_terminal_signal(const struct job_terminal *terminal, uint64_t signals)
{
    process_lock_all();
    if (terminal->foreground_group)
        process_group_signals_locked(terminal->foreground_group, signals);
    process_unlock_all();
}

bool job_terminal_signals_wait(void)
{
    process_tree_hold();
    bool result = process_group_signals_wait_locked();
    process_tree_leave();
    return result;
}

void job_control_signals_sent_locked(void)
{
    list_for_each (node, &terminals)
        list_entry(node, struct job_terminal, link)->signals_sent();
}

static void disconnect_locked(struct job_terminal *terminal)
{
    terminal->session = 0;
    change_foreground(terminal, 0);
}

void job_terminal_disconnect(struct job_terminal *terminal, uint32_t session)
{
    process_lock_all();
    if (terminal->session == session) {
        if (terminal->foreground_group)
            process_group_signals_locked(terminal->foreground_group, SIGNAL_BIT(SIGHUP));
        disconnect_locked(terminal);
    }
    process_unlock_all();
}

static int give_up_locked(struct job_terminal *terminal, struct process *process)
{
    if (!is_own(terminal, process))
        return -ENOTTY;
    if (!is_leader(process)) {
        process->gave_up_terminal = true;
        return 0;
    }
    if (terminal->foreground_group)
        process_group_signals_locked(terminal->foreground_group,
                                     SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGCONT));
    disconnect_locked(terminal);
    return 0;
}

int job_terminal_give_up(struct job_terminal *terminal)
{
    process_lock_all();
    int result = give_up_locked(terminal, current_process());
    process_unlock_all();
    return result;
}

static bool ignores(const struct process *process, uint32_t signal)
{
    return process->actions[signal - 1].handler == SIG_IGN ||
           current_thread()->signals.blocked & SIGNAL_BIT(signal);
}

static bool is_in_foreground(const struct job_terminal *terminal, const struct process *process)
{
    uint32_t foreground = terminal->foreground_group;
    return !is_own(terminal, process) || !foreground || foreground == process->group;
}

static int check_locked(const struct job_terminal *terminal, uint32_t signal)
{
    const struct process *process = current_process();
    if (is_in_foreground(terminal, process))
        return 0;
    if (ignores(process, signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (process_group_is_orphaned_locked(process->group, NULL))
        return -EIO;
    process_group_signals_locked(process->group, SIGNAL_BIT(signal));
    process_group_signals_catch_up_locked(current_process());
    // Behind another group's signals our own come a moment later: until then the call is repeated.
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL);
    return -ERESTARTSYS;
}

int job_terminal_check(const struct job_terminal *terminal, uint32_t signal)
{
    process_tree_hold();
    bool may = is_in_foreground(terminal, current_process());
    process_tree_leave();
    if (may)
        return 0;
    process_lock_all();
    int result = check_locked(terminal, signal);
    process_unlock_all();
    return result;
}

// The session of a group; of the process with that number when there is no such group, as Linux
// looks it up. 0: none of both.
static uint32_t session_of_group(uint32_t group)
{
    for_each_process(process)
    {
        if (process->group == group)
            return process->session;
    }
    const struct process *process = process_find_locked(group);
    return process ? process->session : 0;
}

static int set_foreground_locked(struct job_terminal *terminal, uint32_t group)
{
    const struct process *process = current_process();
    if (!is_own(terminal, process))
        return -ENOTTY;
    uint32_t session = group < PID_LIMIT ? session_of_group(group) : 0;
    if (session == 0)
        return -ESRCH;
    if (session != process->session)
        return -EPERM;
    change_foreground(terminal, group);
    return 0;
}

int job_terminal_set_foreground(struct job_terminal *terminal, int32_t group)
{
    if (group < 0)
        return -EINVAL;
    process_lock_all();
    int result = set_foreground_locked(terminal, (uint32_t)group);
    process_unlock_all();
    return result;
}

int64_t job_terminal_foreground(const struct job_terminal *terminal)
{
    process_tree_hold();
    int64_t result =
        is_own(terminal, current_process()) ? (int64_t)terminal->foreground_group : -ENOTTY;
    process_tree_leave();
    return result;
}

int64_t job_terminal_session(const struct job_terminal *terminal)
{
    process_tree_hold();
    int64_t result = is_own(terminal, current_process()) ? (int64_t)terminal->session : -ENOTTY;
    process_tree_leave();
    return result;
}

int32_t job_terminal_group_of(const struct job_terminal *terminal, uint32_t session)
{
    process_tree_hold();
    bool controls = session != 0 && terminal->session == session;
    int32_t result = controls ? (int32_t)terminal->foreground_group : -1;
    process_tree_leave();
    return result;
}

void job_control_leave(struct process *process)
{
    struct job_terminal *terminal = NULL;
    if (!is_leader(process)) // which only itself could become
        return;
    process_lock_all();
    uint32_t session = process->session;
    list_for_each (node, &terminals) {
        struct job_terminal *candidate = list_entry(node, struct job_terminal, link);
        if (is_own(candidate, process))
            terminal = candidate;
    }
    process_unlock_all();
    if (terminal)
        terminal->hang_up(terminal, session);
}
