// What the files of proc/ share among themselves. "Locked" functions need process_lock held.
#pragma once

#include "proc/process.h"

#define INIT_PID 1u
#define PID_LIMIT 32768u
#define PROCESS_LIMIT 8192u // of all users, whatever RLIMIT_NPROC says

struct inode;

// Guarded by process_lock.
extern struct list_node process_list;  // all processes in the tree, by all_link
extern uint32_t process_count;         // its length
extern struct process *process_reaper; // adopts orphans: init, at shutdown the one who shuts down
extern bool process_shutting_down;     // no new process from now on

// A process in no list yet, with one reference (the tree's), limits at their defaults. NULL: no
// memory.
must_check struct process *process_create(const char *name);
// For a process that was never published: gives back what it has and the object.
void process_discard(struct process *process);
// Makes the thread one of the process: it takes a reference that goes when the thread is gone.
void process_attach_thread(struct process *process, struct thread *thread);
// Gives up files, working directory and executable. May sleep.
void process_release_files(struct process *process);
// Leaves the address space for the kernel's page tables and drops it. Running thread's process
// only.
void process_leave_space(struct process *process);

// Gives it a pid and links it below `parent` (NULL: none). A `group` of 0 starts a group and
// session of its own. -EAGAIN when no pid is free.
must_check int process_publish_locked(struct process *process, struct process *parent,
                                      uint32_t group, uint32_t session);
// Takes it out of the tree and frees its pid; the caller drops the tree's reference afterwards.
void process_unlink_locked(struct process *process);
struct process *process_find_locked(uint32_t pid);
void process_change_group_locked(struct process *process, uint32_t group, uint32_t session);

// Orders all threads of the process but the running one to leave with this wait status, unless it
// is exiting already. Wakes it when it is stopped.
void process_begin_exit_locked(struct process *process, uint32_t wait_status);

// Adds the thread's run time and counts to the process's sums of exited threads.
void process_account_thread_locked(struct process *process, struct thread *thread);
// Adds what a collected child used to the sums of its parent.
void process_account_child_locked(struct process *parent, struct process *child);
// Self plus collected children, as wait4 reports a child.
void process_total_usage_locked(struct process *process, struct abi_rusage *usage);

// Sends with the lock held. `sender` NULL: the kernel. -EINVAL.
int signal_send_locked(struct process *process, uint32_t signal, const struct process *sender);
// True when a signal is pending, or an exit has begun, that will end the process.
bool signal_death_is_due(struct process *process);
// Ends the running process with this signal at the exit gate, init too.
void signal_end_process(uint32_t signal);
// The log line of a death by a pending signal.
void signal_report_death(struct process *process, uint32_t signal);

// live_counts.c: frames (without slabs) and objects in use.
struct live_totals {
    uint64_t frames, objects;
};
struct live_totals live_counts_now(void);
struct live_totals live_counts_baseline(void);
// Compares with the baseline; names each difference in `text`.
must_check bool live_counts_differ(char *text, size_t size);
