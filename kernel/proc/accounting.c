// What processes used: exact run time from the scheduler, split into user and system time by where
// interrupts fell. Sums of exited threads and collected children live in
// the process.

#include "proc/internal.h"

#include "abi/errno.h"
#include "lib/string.h"

#define NS_PER_SECOND 1000000000ull

struct usage_sums {
    uint64_t user_ns, system_ns, minor_faults, voluntary_switches, involuntary_switches;
};

// Scales run_ns by user / (user + system) without overflow. No sample at all counts as user time.
static uint64_t scale_user_ns(uint64_t run_ns, uint64_t user, uint64_t system)
{
    uint64_t total = user + system;
    while (total >> 32) {
        user >>= 1;
        total >>= 1;
    }
    if (total == 0)
        return run_ns;
    return run_ns / total * user + run_ns % total * user / total;
}

static void add_thread(struct usage_sums *sums, const struct thread *thread)
{
    uint64_t run_ns = thread_run_ns(thread);
    uint64_t user_ns = scale_user_ns(run_ns, thread->user_samples, thread->system_samples);
    sums->user_ns += user_ns;
    sums->system_ns += run_ns - user_ns;
    sums->minor_faults += thread->minor_faults;
    sums->voluntary_switches += thread->voluntary_switches;
    sums->involuntary_switches += thread->involuntary_switches;
}

static struct usage_sums sum_self(struct process *process)
{
    struct usage_sums sums = { process->exited_user_ns, process->exited_system_ns,
                               process->minor_faults, process->voluntary_switches,
                               process->involuntary_switches };
    list_for_each (node, &process->threads)
        add_thread(&sums, list_entry(node, struct thread, owner_link));
    return sums;
}

static struct usage_sums sum_children(const struct process *process)
{
    return (struct usage_sums){ .user_ns = process->children_user_ns,
                                .system_ns = process->children_system_ns,
                                .minor_faults = process->children_minor_faults };
}

void process_account_thread_locked(struct process *process, struct thread *thread)
{
    struct usage_sums sums = { 0 };
    add_thread(&sums, thread);
    process->exited_user_ns += sums.user_ns;
    process->exited_system_ns += sums.system_ns;
    process->minor_faults += sums.minor_faults;
    process->voluntary_switches += sums.voluntary_switches;
    process->involuntary_switches += sums.involuntary_switches;
}

void process_account_child_locked(struct process *parent, struct process *child)
{
    struct usage_sums self = sum_self(child);
    parent->children_user_ns += self.user_ns + child->children_user_ns;
    parent->children_system_ns += self.system_ns + child->children_system_ns;
    parent->children_minor_faults += self.minor_faults + child->children_minor_faults;
}

static void fill_usage(struct abi_rusage *usage, const struct usage_sums *sums)
{
    memset(usage, 0, sizeof(*usage));
    usage->user_time.seconds = sums->user_ns / NS_PER_SECOND;
    usage->user_time.microseconds = sums->user_ns % NS_PER_SECOND / 1000;
    usage->system_time.seconds = sums->system_ns / NS_PER_SECOND;
    usage->system_time.microseconds = sums->system_ns % NS_PER_SECOND / 1000;
    usage->minflt = sums->minor_faults;
    usage->nvcsw = sums->voluntary_switches;
    usage->nivcsw = sums->involuntary_switches;
}

void process_total_usage_locked(struct process *process, struct abi_rusage *usage)
{
    struct usage_sums sums = sum_self(process);
    struct usage_sums children = sum_children(process);
    sums.user_ns += children.user_ns;
    sums.system_ns += children.system_ns;
    sums.minor_faults += children.minor_faults;
    fill_usage(usage, &sums);
}

void process_usage(struct process *process, struct abi_rusage *usage)
{
    process_lock(process);
    struct usage_sums sums = sum_self(process);
    process_unlock(process);
    fill_usage(usage, &sums);
}

void process_children_usage(struct process *process, struct abi_rusage *usage)
{
    process_lock(process);
    struct usage_sums sums = sum_children(process);
    process_unlock(process);
    fill_usage(usage, &sums);
}

void process_cpu_times_locked(struct process *process, uint64_t *user_ns, uint64_t *system_ns)
{
    struct usage_sums sums = sum_self(process);
    *user_ns = sums.user_ns;
    *system_ns = sums.system_ns;
}

void process_cpu_times(struct process *process, uint64_t *user_ns, uint64_t *system_ns)
{
    process_lock(process);
    process_cpu_times_locked(process, user_ns, system_ns);
    process_unlock(process);
}

void thread_usage_locked(const struct thread *thread, uint64_t *user_ns, uint64_t *system_ns,
                         struct abi_rusage *usage)
{
    struct usage_sums sums = { 0 };
    add_thread(&sums, thread);
    *user_ns = sums.user_ns;
    *system_ns = sums.system_ns;
    fill_usage(usage, &sums);
}

void thread_usage(struct abi_rusage *usage)
{
    struct process *process = current_process();
    uint64_t user_ns, system_ns;
    process_lock(process);
    thread_usage_locked(current_thread(), &user_ns, &system_ns, usage);
    process_unlock(process);
}

// False: there is no such thread here.
static bool sum_locked(struct process *process, uint32_t tid, struct usage_sums *sums)
{
    const struct thread *thread = tid ? thread_find_locked(process, tid) : current_thread();
    *sums = (struct usage_sums){ 0 };
    if (thread)
        add_thread(sums, thread);
    return thread != NULL;
}

int process_cpu_clock(uint32_t number, bool of_thread, uint32_t kind, uint64_t *ns)
{
    struct usage_sums sums;
    struct process *process = current_process();
    bool is_other = !of_thread && number != 0;
    bool found = true;
    if (is_other)
        process = process_find_by_pid(number);
    if (!process)
        return -EINVAL;
    process_lock(process);
    if (of_thread)
        found = sum_locked(process, number, &sums);
    else
        sums = sum_self(process);
    process_unlock(process);
    if (is_other)
        process_release(process);
    if (!found)
        return -EINVAL;
    *ns = kind == CPU_CLOCK_USER ? sums.user_ns : sums.user_ns + sums.system_ns;
    return 0;
}
