// The tree of processes, the pid table, groups and sessions. Parents, groups and sessions change
// only while all processes are locked; the lists of children belong to their parents' locks.
// Invariant: a number is free only while no process uses it as its pid, its group or its session,
// so that a new process never joins a group by accident; nor one that shares its count with it.

#include "proc/internal.h"

#include "abi/errno.h"
#include "cpu/percpu.h"
#include "lib/panic.h"
#include "proc/inspect.h"
#include "sched/scheduler.h"

#define NUMBERS_AT_ONCE 512u
#define FIRST_NUMBER 2u        // but for the first process
#define COUNTS (PID_LIMIT / 2) // of uses: numbers so far apart share one

struct process *process_reaper;
bool process_shutting_down;

// Changed with its lock held, and that of the process; so who has locked all may read without.
struct bucket {
    struct spinlock lock;
    struct list_node processes; // by pid_link
};

static struct bucket pid_table[PROCESS_BUCKETS];
// As pid, group or session, at most 3 a process; kept ones (process_number_keep) beside.
static _Atomic(uint16_t) number_uses[COUNTS];
// Shared by all CPUs, since each is exact: no number is given twice, no process too many is made
// (PROCESS_LIMIT, together with thread_count of thread_table.c). What is only shown is counted per
// CPU.
static atomic_uint next_number = FIRST_NUMBER;
static atomic_uint process_count;

_Static_assert(4 * PROCESS_LIMIT <= UINT16_MAX, "number_uses counts up to three uses per process");
_Static_assert(2 * PROCESS_LIMIT <= COUNTS, "a number for each process beside those that are kept");

void process_table_init(void)
{
    for (uint32_t i = 0; i < PROCESS_BUCKETS; i++) {
        spinlock_init(&pid_table[i].lock, "process table", LOCK_RANK_PROCESS_TABLE);
        list_init(&pid_table[i].processes);
    }
}

static struct bucket *bucket_of(uint32_t pid)
{
    return &pid_table[pid % PROCESS_BUCKETS];
}

struct list_node *process_bucket_locked(uint32_t index)
{
    return &pid_table[index].processes;
}

struct process *process_next_locked(const struct process *process)
{
    uint32_t index = 0;
    if (process) {
        index = process->pid % PROCESS_BUCKETS;
        if (process->pid_link.next != &pid_table[index].processes)
            return list_entry(process->pid_link.next, struct process, pid_link);
        index++;
    }
    for (; index < PROCESS_BUCKETS; index++) {
        if (!list_is_empty(&pid_table[index].processes))
            return list_first(&pid_table[index].processes, struct process, pid_link);
    }
    return NULL;
}

static _Atomic(uint16_t) *uses_of(uint32_t number)
{
    return &number_uses[number % COUNTS];
}

void process_number_keep(uint32_t number)
{
    atomic_fetch_add_explicit(uses_of(number), 1, memory_order_relaxed);
}

void process_number_free(uint32_t number)
{
    atomic_fetch_sub_explicit(uses_of(number), 1, memory_order_release);
}

static bool take_number(uint32_t number)
{
    uint16_t uses = 0;
    return atomic_compare_exchange_strong_explicit(uses_of(number), &uses, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

// Every look is at another number, whoever looks at the same time.
uint32_t process_number_allocate(void)
{
    for (uint32_t tried = 0; tried < PID_LIMIT; tried++) {
        uint32_t next = atomic_fetch_add_explicit(&next_number, 1, memory_order_relaxed);
        uint32_t number = next % PID_LIMIT;
        if (number < FIRST_NUMBER || !take_number(number))
            continue;
        return number;
    }
    return 0;
}

void process_set_parent_locked(struct process *process, struct process *parent)
{
    process->parent = parent;
    atomic_store_explicit(&process->parent_pid, parent ? parent->pid : 0, memory_order_relaxed);
}

uint32_t processes_in_tree(void)
{
    return atomic_load_explicit(&process_count, memory_order_relaxed);
}

static void join(struct process *process, uint32_t group, uint32_t session)
{
    process_number_keep(group);
    process_number_keep(session);
    atomic_store_explicit(&process->group, group, memory_order_relaxed);
    atomic_store_explicit(&process->session, session, memory_order_relaxed);
}

// The first process is pid 1, also when an earlier attempt failed.
int process_publish_locked(struct process *process, struct process *parent, struct thread *thread)
{
    uint32_t count = atomic_fetch_add_explicit(&process_count, 1, memory_order_relaxed);
    bool fits = count + threads_beyond_first() < PROCESS_LIMIT;
    uint32_t pid = 0;
    if (fits)
        pid = parent ? process_number_allocate() : take_number(INIT_PID) ? INIT_PID : 0;
    if (pid == 0) {
        atomic_fetch_sub_explicit(&process_count, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    process->pid = pid;
    join(process, parent ? parent->group : pid, parent ? parent->session : pid);
    process_set_parent_locked(process, parent);
    process->group_walk = parent ? parent->group_walk : 0;
    if (parent)
        list_append(&parent->children, &process->sibling_link);
    process_attach_thread(process, thread);
    spinlock_acquire(&bucket_of(pid)->lock);
    this_cpu()->processes_started++;
    list_append(&bucket_of(pid)->processes, &process->pid_link); // whoever finds it finds it whole
    spinlock_release(&bucket_of(pid)->lock);
    return 0;
}

void process_unlink_locked(struct process *process)
{
    struct bucket *bucket = bucket_of(process->pid);
    kassert(list_is_empty(&process->children));
    spinlock_acquire(&bucket->lock);
    list_remove(&process->pid_link);
    spinlock_release(&bucket->lock);
    list_remove(&process->sibling_link);
    process_set_parent_locked(process, NULL);
    atomic_store_explicit(&process->state, PROCESS_DEAD, memory_order_relaxed);
    process_number_free(process->group);
    process_number_free(process->session);
    process_number_free(process->pid);
    atomic_fetch_sub_explicit(&process_count, 1, memory_order_relaxed);
    trace_step(STEP_REMOVE_ENTRY, process->pid);
    if (unlikely(process_reaper == process))
        process_reaper = NULL;
}

struct process *process_find_locked(uint32_t pid)
{
    list_for_each (node, &bucket_of(pid)->processes) {
        struct process *process = list_entry(node, struct process, pid_link);
        if (process->pid == pid)
            return process;
    }
    return NULL;
}

struct process *process_find_by_pid(uint32_t pid)
{
    struct bucket *bucket = bucket_of(pid);
    spinlock_acquire(&bucket->lock);
    struct process *process = process_find_locked(pid);
    if (process)
        process_reference(process);
    spinlock_release(&bucket->lock);
    return process;
}

struct process *process_find(uint32_t number)
{
    struct process *process = process_find_by_pid(number);
    return process ? process : process_find_by_thread(number);
}

struct process *process_find_and_lock(uint32_t number)
{
    struct process *process = current_process();
    if (number != 0)
        process = process_find(number);
    else
        process_reference(process);
    if (process)
        process_lock(process);
    return process;
}

void process_unlock_and_release(struct process *process)
{
    process_unlock(process);
    process_release(process);
}

// Numbers in use are looked up.
struct process *process_find_from(uint32_t pid)
{
    struct process *process = NULL;
    for (; pid < PID_LIMIT && !process; pid++) {
        if (atomic_load_explicit(uses_of(pid), memory_order_relaxed) != 0)
            process = process_find_by_pid(pid);
        if (pid % NUMBERS_AT_ONCE == 0)
            preempt_point();
    }
    return process;
}

static uint64_t count_started(void)
{
    const struct percpu *cpu;
    uint64_t count = 0;
    for_each_cpu(cpu) count += __atomic_load_n(&cpu->processes_started, __ATOMIC_RELAXED);
    return count;
}

void process_count_totals(struct process_totals *totals)
{
    uint32_t next = atomic_load_explicit(&next_number, memory_order_relaxed);
    *totals = (struct process_totals){
        .count = processes_in_tree(),
        .last_pid = (next - 1) % PID_LIMIT, // the one tried last, which may be in use
        .started = count_started(),
    };
}

static void change_group(struct process *process, uint32_t group, uint32_t session)
{
    uint32_t old_group = process->group, old_session = process->session;
    join(process, group, session);
    process_number_free(old_group);
    process_number_free(old_session);
}

static bool group_exists(uint32_t group, uint32_t session)
{
    for_each_process(process)
    {
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
    process_lock_all();
    struct process *process = find_or_self(pid);
    if (group == 0 && process)
        group = process->pid;
    int result = check_group_change(current_process(), process, group);
    // A number that passed the checks is some process's pid or group, so it is below PID_LIMIT.
    if (result == 0)
        change_group(process, group, process->session);
    process_unlock_all();
    return result;
}

static int64_t number_of(uint32_t pid, bool wants_session)
{
    struct process *process = process_find_and_lock(pid);
    if (!process)
        return -ESRCH;
    int64_t result = wants_session ? process->session : process->group;
    process_unlock_and_release(process);
    return result;
}

int64_t process_group_of(uint32_t pid)
{
    return number_of(pid, false);
}

int64_t process_session_of(uint32_t pid)
{
    return number_of(pid, true);
}

int64_t process_new_session(void)
{
    process_lock_all();
    struct process *self = current_process();
    int64_t result = -EPERM;
    if (!group_exists(self->pid, 0)) {
        change_group(self, self->pid, self->pid);
        self->gave_up_terminal = false;
        result = self->pid;
    }
    process_unlock_all();
    return result;
}
