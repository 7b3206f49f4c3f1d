// The tree of processes, the pid table, groups and sessions. Everything is guarded by process_lock.
// Invariant: a number is free only while no process uses it as its pid, its group or its session,
// so that a new process never joins a group by accident.

#include "proc/internal.h"

#include "abi/errno.h"
#include "lib/panic.h"
#include "proc/inspect.h"
#include "sched/scheduler.h"

#define PID_BUCKETS 256u
#define PIDS_PER_LOCK 512u
#define FIRST_PID_AFTER_WRAP 2u

struct list_node process_list = LIST_HEAD_INIT(process_list);
struct list_node *process_walk_next;
uint32_t process_count;
uint64_t process_started_count;
uint32_t process_last_pid;
struct process *process_reaper;
bool process_shutting_down;

static struct list_node pid_table[PID_BUCKETS]; // heads set up at first use
static uint16_t pid_uses[PID_LIMIT]; // as pid, group or session, at most 3 a process; kept numbers

_Static_assert(4 * PROCESS_LIMIT <= UINT16_MAX, "pid_uses counts up to three uses per process");

static struct list_node *pid_bucket(uint32_t pid)
{
    struct list_node *head = &pid_table[pid % PID_BUCKETS];
    if (!head->next)
        list_init(head);
    return head;
}

uint32_t process_number_allocate_locked(void)
{
    uint32_t candidate = process_last_pid;
    for (uint32_t tried = 0; tried < PID_LIMIT; tried++) {
        candidate++;
        if (candidate >= PID_LIMIT)
            candidate = FIRST_PID_AFTER_WRAP;
        if (pid_uses[candidate] == 0) {
            process_last_pid = candidate;
            return candidate;
        }
    }
    return 0;
}

void process_set_parent_locked(struct process *process, struct process *parent)
{
    process->parent = parent;
    atomic_store_explicit(&process->parent_pid, parent ? parent->pid : 0, memory_order_relaxed);
}

int process_publish_locked(struct process *process, struct process *parent, uint32_t group,
                           uint32_t session)
{
    if (process_count + thread_extra_count >= PROCESS_LIMIT)
        return -EAGAIN;
    if (!parent)
        process_last_pid = 0; // the first process is pid 1, also when an earlier attempt failed
    uint32_t pid = process_number_allocate_locked();
    if (pid == 0)
        return -EAGAIN;
    process->pid = pid;
    process->group = group ? group : pid;
    process->session = group ? session : pid;
    pid_uses[pid]++;
    pid_uses[process->group]++;
    pid_uses[process->session]++;
    process_set_parent_locked(process, parent);
    process->group_walk = parent ? parent->group_walk : 0;
    if (parent)
        list_append(&parent->children, &process->sibling_link);
    list_append(&process_list, &process->all_link);
    list_append(pid_bucket(pid), &process->pid_link);
    process_count++;
    process_started_count++;
    return 0;
}

void process_unlink_locked(struct process *process)
{
    kassert(list_is_empty(&process->children));
    pid_uses[process->pid]--;
    pid_uses[process->group]--;
    pid_uses[process->session]--;
    list_remove(&process->sibling_link);
    if (process_walk_next == &process->all_link)
        process_walk_next = process->all_link.next;
    list_remove(&process->all_link);
    list_remove(&process->pid_link);
    process_set_parent_locked(process, NULL);
    process->state = PROCESS_DEAD;
    process_count--;
    trace_step(STEP_REMOVE_ENTRY, process->pid);
    if (process_reaper == process)
        process_reaper = NULL;
}

struct process *process_find_locked(uint32_t pid)
{
    list_for_each (node, pid_bucket(pid)) {
        struct process *process = list_entry(node, struct process, pid_link);
        if (process->pid == pid)
            return process;
    }
    return NULL;
}

struct process *process_find(uint32_t number)
{
    spinlock_acquire(&process_lock);
    struct process *process = process_find_any_locked(number);
    if (process)
        process_reference(process);
    spinlock_release(&process_lock);
    return process;
}

void process_number_keep_locked(uint32_t number)
{
    pid_uses[number]++;
}

void process_number_free_locked(uint32_t number)
{
    pid_uses[number]--;
}

// Numbers in use are looked up; PIDS_PER_LOCK at a time, so that interrupts are not off for long.
struct process *process_find_from(uint32_t pid)
{
    struct process *process = NULL;
    while (pid < PID_LIMIT && !process) {
        uint32_t end = min_of(pid + PIDS_PER_LOCK, PID_LIMIT);
        spinlock_acquire(&process_lock);
        for (; pid < end && !process; pid++) {
            if (pid_uses[pid] != 0)
                process = process_find_locked(pid);
        }
        if (process)
            process_reference(process);
        spinlock_release(&process_lock);
        preempt_point();
    }
    return process;
}

static void change_group(struct process *process, uint32_t group, uint32_t session)
{
    pid_uses[group]++;
    pid_uses[session]++;
    pid_uses[process->group]--;
    pid_uses[process->session]--;
    process->group = group;
    process->session = session;
}

static bool group_exists(uint32_t group, uint32_t session)
{
    list_for_each (node, &process_list) {
        const struct process *process = list_entry(node, struct process, all_link);
        if (process->group == group && (session == 0 || process->session == session))
            return true;
    }
    return false;
}

static struct process *find_or_self(uint32_t pid)
{
    return pid == 0 ? current_process() : process_find_locked(pid);
}

static int check_group_change(const struct process *self, const struct process *process,
                              uint32_t group)
{
    if (!process || (process != self && process->parent != self))
        return -ESRCH;
    if (process != self && process->session != self->session)
        return -EPERM;
    if (process != self && process->executed)
        return -EACCES;
    if (process->session == process->pid)
        return -EPERM;
    if (group != process->pid && !group_exists(group, self->session))
        return -EPERM;
    return 0;
}

int process_set_group(uint32_t pid, uint32_t group)
{
    spinlock_acquire(&process_lock);
    struct process *process = find_or_self(pid);
    if (group == 0 && process)
        group = process->pid;
    int result = check_group_change(current_process(), process, group);
    // A number that passed the checks is some process's pid or group, so it is below PID_LIMIT.
    if (result == 0)
        change_group(process, group, process->session);
    spinlock_release(&process_lock);
    return result;
}

static const struct process *find_any_or_self(uint32_t number)
{
    return number == 0 ? current_process() : process_find_any_locked(number);
}

int64_t process_group_of(uint32_t pid)
{
    spinlock_acquire(&process_lock);
    const struct process *process = find_any_or_self(pid);
    int64_t result = process ? (int64_t)process->group : -ESRCH;
    spinlock_release(&process_lock);
    return result;
}

int64_t process_session_of(uint32_t pid)
{
    spinlock_acquire(&process_lock);
    const struct process *process = find_any_or_self(pid);
    int64_t result = process ? (int64_t)process->session : -ESRCH;
    spinlock_release(&process_lock);
    return result;
}

int64_t process_new_session(void)
{
    spinlock_acquire(&process_lock);
    struct process *self = current_process();
    int64_t result = -EPERM;
    if (!group_exists(self->pid, 0)) {
        change_group(self, self->pid, self->pid);
        self->gave_up_terminal = false;
        result = self->pid;
    }
    spinlock_release(&process_lock);
    return result;
}
