// Orphaned process groups: nobody outside the group, but in its session, is left to continue what
// was stopped. They are not stopped by keys, and one that is stopped already when it becomes
// orphaned is woken by SIGHUP and SIGCONT. Called by exit, the exit gate and job control.

#include "proc/internal.h"
#include "proc/signal_queue.h"

#include "abi/process.h"

static uint32_t stopped_count; // of all processes, which are locked when it changes

void process_set_stopped_locked(struct process *process, bool stopped)
{
    process_assert_all_locked();
    stopped_count += (uint32_t)stopped - (uint32_t)process->stopped;
    process->stopped = stopped;
}

// A parent that is the first process does not count: it looks after orphans, not after jobs.
static bool parent_links(const struct process *process)
{
    const struct process *parent = process->parent;
    return parent && parent->pid != INIT_PID && parent->group != process->group &&
           parent->session == process->session;
}

bool process_group_is_orphaned_locked(uint32_t group, const struct process *leaving)
{
    for_each_process(process)
    {
        if (process->group == group && process != leaving && process->state == PROCESS_ALIVE &&
            parent_links(process))
            return false;
    }
    return true;
}

static bool group_has_stopped(uint32_t group)
{
    for_each_process(process)
    {
        if (process->group == group && process->stopped)
            return true;
    }
    return false;
}

static bool links(const struct process *parent, const struct process *process)
{
    return parent && parent->group != process->group && parent->session == process->session;
}

bool process_end_matters_locked(const struct process *process)
{
    const struct process *parent = process->parent;
    return unlikely(stopped_count != 0) && ((parent && parent->stopped) || links(parent, process));
}

// While nothing is stopped, which is nearly always, this costs nothing. Otherwise it is up to two
// passes over all processes, which only looks at each, and the first piece of telling the group:
// callers with many children let the lock go in between.
void process_link_lost_locked(const struct process *process, const struct process *parent,
                              const struct process *leaving)
{
    if (stopped_count == 0 || !links(parent, process) || !group_has_stopped(process->group) ||
        !process_group_is_orphaned_locked(process->group, leaving))
        return;
    process_group_signals_locked(process->group, SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGCONT));
}
