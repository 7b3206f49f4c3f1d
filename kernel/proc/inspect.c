// Looking at processes from outside. Called by /proc and by system calls that name a process.
// Invariant: under the process's lock only copies are made and references taken; what they lead to
// is looked at afterwards, by whoever asked.

#include "proc/inspect.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "proc/internal.h"
#include "proc/signal_queue.h"
#include "sched/scheduler.h"

// `tid` 0: the first one. NULL when it has ended.
static struct thread *find_thread(const struct process *process, uint32_t tid)
{
    return thread_find_locked(process, tid ? tid : process->pid);
}

static char thread_letter(const struct thread *thread)
{
    if (atomic_load(&thread->state) != THREAD_BLOCKED)
        return 'R';
    return thread->wait_interruptible ? 'S' : 'D';
}

static char state_letter(const struct process *process, const struct thread *thread)
{
    if (process->state != PROCESS_ALIVE || !thread)
        return 'Z';
    return process->stopped ? 'T' : thread_letter(thread);
}

static void view_signals(struct process_view *view, const struct process *process,
                         const struct thread *thread)
{
    view->process_pending = process->pending_signals.set;
    view->queued_signals = process->queued_signals;
    if (thread) {
        view->thread_pending = thread->signals.pending.set;
        view->blocked = thread->signals.blocked;
    }
    for (uint32_t signal = 1; signal <= SIGNAL_LIMIT; signal++) {
        uint64_t handler = process->actions[signal - 1].handler;
        if (handler == SIG_IGN)
            view->ignored |= SIGNAL_BIT(signal);
        else if (handler != SIG_DFL)
            view->caught |= SIGNAL_BIT(signal);
    }
}

static void view_thread(struct process_view *view, const struct thread *thread)
{
    view->thread_id = thread->id;
    view->cpu = thread->cpu->number;
    view->affinity = thread->affinity;
    view->rights = thread->policy.rights;
    memcpy(view->name, thread->name, sizeof(view->name));
}

// Of a thread beyond the first.
static void view_thread_usage(struct process_view *view, const struct thread *thread)
{
    struct abi_rusage usage;
    thread_usage_locked(thread, &view->user_ns, &view->system_ns, &usage);
    view->minor_faults = (uint64_t)usage.minflt;
    view->voluntary_switches = (uint64_t)usage.nvcsw;
    view->involuntary_switches = (uint64_t)usage.nivcsw;
    if (!thread_is_first(thread))
        view->start_ns = thread->identity.start_ns;
}

static void view_usage(struct process_view *view, struct process *process)
{
    process_cpu_times_locked(process, &view->user_ns, &view->system_ns);
    view->children_user_ns = process->children_user_ns;
    view->children_system_ns = process->children_system_ns;
    view->children_minor_faults = process->children_minor_faults;
    view->minor_faults = process->minor_faults;
    view->voluntary_switches = process->voluntary_switches;
    view->involuntary_switches = process->involuntary_switches;
    list_for_each (node, &process->threads) {
        const struct thread *thread = list_entry(node, struct thread, owner_link);
        view->minor_faults += thread->minor_faults;
        view->voluntary_switches += thread->voluntary_switches;
        view->involuntary_switches += thread->involuntary_switches;
    }
}

void process_inspect(struct process *process, uint32_t tid, struct process_view *view)
{
    memset(view, 0, sizeof(*view));
    process_lock(process);
    const struct thread *thread = find_thread(process, tid);
    view->pid = tid ? tid : process->pid;
    view->process_id = process->pid;
    view->parent_pid = process_parent_pid(process);
    view->group = process->group;
    view->session = process->session;
    view->state = state_letter(process, thread);
    memcpy(view->name, process->name, sizeof(view->name));
    view->thread_count = process->state == PROCESS_ALIVE ? process->thread_count : 1;
    view->exit_signal = process->exit_signal;
    view->exit_status = process->state == PROCESS_ALIVE ? 0 : process->exit_status;
    view->umask = process->umask;
    view->start_ns = process->start_ns;
    memcpy(view->limits, process->limits, sizeof(view->limits));
    if (thread)
        view_thread(view, thread);
    if (tid && thread)
        view_thread_usage(view, thread);
    else
        view_usage(view, process);
    view_signals(view, process, thread);
    process_unlock(process);
}

bool process_has_thread(struct process *process, uint32_t tid)
{
    process_lock(process);
    bool has = tid == process->pid || (tid && find_thread(process, tid));
    process_unlock(process);
    return has;
}

uint32_t process_next_thread(struct process *process, uint32_t tid)
{
    uint32_t next = process->pid >= tid ? process->pid : 0;
    process_lock(process);
    list_for_each (node, &process->threads) {
        uint32_t number = list_entry(node, struct thread, owner_link)->identity.tid;
        if (number >= tid && (next == 0 || number < next))
            next = number;
    }
    process_unlock(process);
    return next;
}

bool process_rename_thread(struct process *process, uint32_t tid, const char *name)
{
    process_lock(process);
    struct thread *thread = find_thread(process, tid);
    if (thread)
        process_set_thread_name_locked(thread, name);
    process_unlock(process);
    return thread != NULL;
}

// Threads leave their stacks only after they have left the process, which takes its lock.
bool process_copy_registers(struct process *process, uint32_t tid, struct process_registers *copy)
{
    process_lock(process);
    const struct thread *thread = find_thread(process, tid);
    if (thread) {
        copy->user = *thread_user_frame(thread);
        copy->has_context = thread_copy_context(thread, &copy->context, &copy->context_rsp);
    }
    process_unlock(process);
    return thread != NULL;
}

struct file_table *process_files_get(struct process *process)
{
    process_lock(process);
    struct file_table *files = process->files;
    if (files)
        file_table_reference(files);
    process_unlock(process);
    return files;
}

static struct inode *get_inode(struct process *process, struct inode *const *place)
{
    process_lock(process);
    struct inode *inode = *place;
    if (inode)
        inode_reference(inode);
    process_unlock(process);
    return inode;
}

struct inode *process_directory_get(struct process *process)
{
    return get_inode(process, &process->working_directory);
}

struct inode *process_executable_get(struct process *process)
{
    return get_inode(process, &process->executable);
}

int64_t process_executable_path(struct process *process, char *buffer, size_t size)
{
    int64_t length = -ENOENT;
    process_lock(process);
    if (process->executable_path) {
        string_copy(buffer, process->executable_path, size);
        length = (int64_t)strlen(buffer);
    }
    process_unlock(process);
    return length;
}

// One process at a time: a walk along them all would keep interrupts off for long.
uint32_t process_count_blocked(void)
{
    uint32_t blocked = 0, pid = 0;
    for (struct process *process; (process = process_find_from(pid));) {
        pid = process->pid + 1;
        process_lock(process);
        list_for_each (node, &process->threads)
            blocked += state_letter(process, list_entry(node, struct thread, owner_link)) == 'D';
        process_unlock(process);
        process_release(process);
    }
    return blocked;
}
