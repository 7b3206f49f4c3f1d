// Job control: terminals and sessions, foreground and background. Called by the terminals for the
// running process, and by exit for a session's leader.
// Invariant: a process's controlling terminal is the one whose session is the process's, unless it
// gave it up (TIOCNOTTY). Groups, sessions and who is in the foreground change under process_lock
// only, which every decision here is made under: none of them can go stale before it is acted upon.
//
// Races, and why they are harmless:
// - The foreground group becomes empty while a key is typed: the signal reaches nobody. Its number
//   stays taken (process_number_keep_locked), so no new process can be meant by it.
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
    spinlock_acquire(&process_lock);
    list_append(&terminals, &terminal->link);
    spinlock_release(&process_lock);
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
    spinlock_acquire(&process_lock);
    bool result = is_own(terminal, current_process());
    spinlock_release(&process_lock);
    return result;
}

static void change_foreground(struct job_terminal *terminal, uint32_t group)
{
    if (group)
        process_number_keep_locked(group);
    if (terminal->foreground_group)
        process_number_free_locked(terminal->foreground_group);
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
    spinlock_acquire(&process_lock);
    if (process && is_leader(process) && terminal->session == 0 && !has_terminal(process))
        connect(terminal, process);
    spinlock_release(&process_lock);
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
    spinlock_acquire(&process_lock);
    int result = acquire_locked(terminal, current_process(), steals);
    spinlock_release(&process_lock);
    return result;
}

void job_terminal_signal(const struct job_terminal *terminal, uint64_t signals)
{
    spinlock_acquire(&process_lock);
    if (terminal->foreground_group)
        process_group_signals_locked(terminal->foreground_group, signals);
    spinlock_release(&process_lock);
}

bool job_terminal_signals_wait(void)
{
    spinlock_acquire(&process_lock);
    bool result = process_group_signals_wait_locked();
    spinlock_release(&process_lock);
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
    spinlock_acquire(&process_lock);
    if (terminal->session == session) {
        if (terminal->foreground_group)
            process_group_signals_locked(terminal->foreground_group, SIGNAL_BIT(SIGHUP));
        disconnect_locked(terminal);
    }
    spinlock_release(&process_lock);
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
    spinlock_acquire(&process_lock);
    int result = give_up_locked(terminal, current_process());
    spinlock_release(&process_lock);
    return result;
}

static bool ignores(const struct process *process, uint32_t signal)
{
    return process->actions[signal - 1].handler == SIG_IGN ||
           current_thread()->signals.blocked & SIGNAL_BIT(signal);
}

static int check_locked(const struct job_terminal *terminal, uint32_t signal)
{
    const struct process *process = current_process();
    uint32_t foreground = terminal->foreground_group;
    if (!is_own(terminal, process) || !foreground || foreground == process->group)
        return 0;
    if (ignores(process, signal))
        return signal == SIGTTIN ? -EIO : 0;
    if (process_group_is_orphaned_locked(process->group, NULL))
        return -EIO;
    process_group_signal_locked(process->group, signal);
    // In a large group our own may come a moment later: until then the call is made again.
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL);
    return -ERESTARTSYS;
}

int job_terminal_check(const struct job_terminal *terminal, uint32_t signal)
{
    spinlock_acquire(&process_lock);
    int result = check_locked(terminal, signal);
    spinlock_release(&process_lock);
    return result;
}

// The session of a group; of the process with that number when there is no such group, as Linux
// looks it up. 0: none of both.
static uint32_t session_of_group(uint32_t group)
{
    list_for_each (node, &process_list) {
        const struct process *process = list_entry(node, struct process, all_link);
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
    spinlock_acquire(&process_lock);
    int result = set_foreground_locked(terminal, (uint32_t)group);
    spinlock_release(&process_lock);
    return result;
}

int64_t job_terminal_foreground(const struct job_terminal *terminal)
{
    spinlock_acquire(&process_lock);
    int64_t result =
        is_own(terminal, current_process()) ? (int64_t)terminal->foreground_group : -ENOTTY;
    spinlock_release(&process_lock);
    return result;
}

int64_t job_terminal_session(const struct job_terminal *terminal)
{
    spinlock_acquire(&process_lock);
    int64_t result = is_own(terminal, current_process()) ? (int64_t)terminal->session : -ENOTTY;
    spinlock_release(&process_lock);
    return result;
}

int32_t job_terminal_group_of(const struct job_terminal *terminal, uint32_t session)
{
    spinlock_acquire(&process_lock);
    bool controls = session != 0 && terminal->session == session;
    int32_t result = controls ? (int32_t)terminal->foreground_group : -1;
    spinlock_release(&process_lock);
    return result;
}

void job_control_leave(struct process *process)
{
    struct job_terminal *terminal = NULL;
    spinlock_acquire(&process_lock);
    uint32_t session = process->session;
    list_for_each (node, &terminals) {
        struct job_terminal *candidate = list_entry(node, struct job_terminal, link);
        if (is_leader(process) && is_own(candidate, process))
            terminal = candidate;
    }
    spinlock_release(&process_lock);
    if (terminal)
        terminal->hang_up(terminal, session);
}
