// The end of a process: its threads leave one after the other, the last one gives back what the
// process holds, hands its children on and leaves a zombie for the parent to collect.
// Called by exit_group and by the exit gate, in the dying thread.
// Invariant: all memory and files are back before anyone can see the zombie.

#include "proc/internal.h"
#include "proc/signal.h"

#include "debug/log.h"
#include "debug/trace.h"
#include "sched/scheduler.h"

void process_begin_exit_locked(struct process *process, uint32_t wait_status)
{
    if (process->exiting || process->state != PROCESS_ALIVE)
        return;
    process->exiting = true;
    process->requested_status = wait_status;
    process->death_signal = wait_status & 0x7f;
    if (unlikely(process->stopped))
        process_set_stopped_locked(process, false);
    list_for_each (node, &process->threads) {
        struct thread *thread = list_entry(node, struct thread, owner_link);
        if (thread != current_thread())
            thread_add_work(thread, THREAD_WORK_SIGNAL);
    }
    wait_wake_all(&process->continued);
    if (process->exec_thread)
        wait_wake_all(&process->child_exit); // it waits for the others no more
}

static void adopt_child(struct process *process, struct process *child)
{
    list_remove(&child->sibling_link);
    process_set_parent_locked(child, child == process_reaper ? NULL : process_reaper);
    if (!child->parent)
        return;
    list_append(&process_reaper->children, &child->sibling_link);
    process_link_lost_locked(child, process, NULL);
    if (child->state == PROCESS_ZOMBIE && signal_child_ended_locked(child)) {
        process_unlink_locked(child);
        process_release(child);
    }
}

// One at a time: each may cost passes over all processes, with interrupts off. Leaves with the
// process locked and no child left; its last thread makes no new ones.
static void adopt_children(struct process *process)
{
    process_lock(process);
    while (!list_is_empty(&process->children)) {
        process_unlock(process);
        process_lock_all();
        if (!list_is_empty(&process->children)) // nobody wants some of them
            adopt_child(process, list_first(&process->children, struct process, sibling_link));
        process_unlock_all();
        preempt_point();
        process_lock(process);
    }
}

// What is the process's own. Nobody changes it from here on: it is exiting, and takes no signals.
static void leave_last_thread(struct process *process)
{
    struct thread *thread = current_thread();
    adopt_children(process); // locks it
    process_account_thread_locked(process, thread);
    list_remove(&thread->owner_link);
    thread_unpublish_locked(thread);
    signal_discard_all_locked(process, thread);
    process_unlock(process);
}

static bool become_zombie_locked(struct process *process)
{
    process_link_lost_locked(process, process->parent, process);
    process->exit_status = process->requested_status;
    atomic_store_explicit(&process->state, PROCESS_ZOMBIE, memory_order_release);
    trace(TRACE_PROCESS_EXIT, process->pid, process->exit_status);
    bool collected = process->parent && signal_child_ended_locked(process);
    if (collected)
        process_unlink_locked(process);
    return collected;
}

// From here on the process is its parent's to collect; only this thread's stack is left.
static void become_zombie(struct process *process)
{
    struct process *parent = process_lock_parent(process);
    bool all = process_end_matters_locked(process);
    bool collected = !all && become_zombie_locked(process);
    process_unlock_parent(parent);
    if (unlikely(all)) {
        process_lock_all();
        collected = become_zombie_locked(process);
        process_unlock_all();
    }
    if (collected)
        process_release(process); // the tree's reference; this thread still has its own
}

static void report_end_of_init(const struct process *process)
{
    uint32_t status = process->requested_status;
    if (process->death_signal)
        log_error("process", "init ended, killed by %s; shutting down",
                  signal_name(process->death_signal));
    else
        log_error("process", "init ended with exit status %u; shutting down", status >> 8 & 0xff);
}

void process_exit(uint32_t wait_status)
{
    struct process *process = current_process();
    bool all = process_lock_or_all(process);
    process_begin_exit_locked(process, wait_status);
    bool ends_machine = process->pid == INIT_PID && !process_shutting_down;
    process_unlock_or_all(process, all);
    if (ends_machine) {
        report_end_of_init(process);
        process_shutdown(REBOOT_POWER_OFF);
    }
    thread_leave_memory(process);
    if (!process_leave_thread(process))
        thread_exit();

    itimers_stop(process);
    preempt_point();
    process_release_files(process);
    process_leave_space(process);
    trace_step(STEP_FREE_MEMORY, process->pid);
    process_vfork_finish(process);
    preempt_point();
    job_control_leave(process);
    leave_last_thread(process);
    become_zombie(process);
    thread_exit();
}
