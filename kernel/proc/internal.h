// What the files of proc/ share among themselves: first the locks, which all the rest follows.
//
// A process's lock guards what is in it: its objects, limits, threads, signals, actions, timers,
// its list of children, and of each child what wait4 reports. No CPU holds two of them. To hold ALL
// (process_lock_all) is as good as holding each; it keeps away everybody who has or wants one. It
// is for what concerns several processes: groups, sessions, terminals, stops and continuations, the
// adoption of orphans, shutdown. These change in no other way, so that who has any process's lock,
// or holds the tree (process_tree_hold), may read of every process its parent, group, session and
// whether it is stopped, and of the globals below: they stay so until he lets go.
//
// "Locked" functions need the lock of the process they are given (of its parent: where said), or
// all. LOCKS.md goes through the paths.
#pragma once

#include "proc/process.h"

#define INIT_PID 1u
#define PID_LIMIT 32768u
#define PROCESS_LIMIT 8192u // of all users, whatever RLIMIT_NPROC says
#define PROCESS_BUCKETS 256u

struct inode;

// process_lock.c. Any context. Not while this CPU has one, or all, or holds the tree.
void process_lock(struct process *process);
void process_unlock(struct process *process);
// For what changes many. Waits for those who hold one, which no one does for long.
void process_lock_all(void);
void process_unlock_all(void);
// Lets go of the process's lock and takes all: true.
bool process_exchange_for_all(struct process *process);
// All, if the process is stopped, else only it: for who may end the stop. True: all.
must_check static inline bool process_lock_or_all(struct process *process)
{
    process_lock(process);
    return unlikely(process->stopped) && process_exchange_for_all(process);
}
void process_unlock_or_all(struct process *process, bool all);
// Nobody gets all until the second. Without a lock, for looking at what only they change.
void process_tree_hold(void);
void process_tree_leave(void);
// The lock of its parent, which stays its parent. NULL: it has none, and the tree is held.
must_check struct process *process_lock_parent(const struct process *process);
void process_unlock_parent(struct process *parent);
void process_assert_all_locked(void); // that somebody has

// Changed while all are locked.
extern struct process *process_reaper; // adopts orphans: init, at shutdown the one who shuts down
extern bool process_shutting_down;     // no new process from now on

// A process in no list yet, with one reference (the tree's) and no limits set. NULL: no memory.
must_check struct process *process_create(const char *name);
void process_set_thread_name_locked(struct thread *thread, const char *name);
void process_set_default_limits(struct process *process);
// For a process that was never published: gives back what it has and the object.
void process_discard(struct process *process);
// Makes the thread one of the process: it takes a reference that goes when the thread is gone.
void process_attach_thread(struct process *process, struct thread *thread);
// Gives up files, working directory and executable. May sleep.
void process_release_files(struct process *process);
// Leaves the address space for the kernel's page tables and drops it. Running thread's process
// only.
void process_leave_space(struct process *process);

void process_table_init(void);
// Gives it a pid and its first thread and links it below `parent`, whose lock is held. NULL: none,
// and a group and session of its own. -EAGAIN when no pid is free.
must_check int process_publish_locked(struct process *process, struct process *parent,
                                      struct thread *thread);
// Takes it out of the tree and frees its pid; the caller drops the tree's reference afterwards. Its
// parent's lock.
void process_unlink_locked(struct process *process);
uint32_t processes_in_tree(void);
struct process *process_find_locked(uint32_t pid); // all are locked
// With a reference; NULL: there is none. No lock needed.
must_check struct process *process_find_by_pid(uint32_t pid);
must_check struct process *process_find_by_thread(uint32_t number); // beyond the first
// As process_find(), locked too; 0: the running process.
must_check struct process *process_find_and_lock(uint32_t number);
void process_unlock_and_release(struct process *process);
// All processes in the tree, in no order that means something; NULL: the first, the end. All are
// locked.
struct process *process_next_locked(const struct process *process);
#define for_each_process(process)                                                                  \
    for (struct process *process = process_next_locked(NULL); process != NULL;                     \
         process = process_next_locked(process))
// The same in pieces: those in one of PROCESS_BUCKETS, by pid_link.
struct list_node *process_bucket_locked(uint32_t index);
// The only place that changes process->parent; NULL: none.
void process_set_parent_locked(struct process *process, struct process *parent);

// Orders all threads of the process but the running one to leave with this wait status, unless it
// is exiting already. Wakes it when it is stopped (all are locked then).
void process_begin_exit_locked(struct process *process, uint32_t wait_status);

// thread_table.c: the numbers of threads beyond a process's first one, which has the pid.
void thread_table_init(void);
uint32_t threads_beyond_first(void);
uint32_t process_number_allocate(void); // tree.c; as if kept once. 0: none is free
// A number, and makes it the process's. -EAGAIN.
must_check int thread_publish_locked(struct thread *thread, struct process *process);
void thread_unpublish_locked(struct thread *thread); // nothing for a first thread
// The process's thread with this number, alive; NULL.
struct thread *thread_find_locked(const struct process *process, uint32_t number);
// Its first thread while that is alive, else NULL.
struct thread *process_first_thread_locked(const struct process *process);
static inline bool thread_is_first(const struct thread *thread)
{
    return thread->identity.tid == ((const struct process *)thread->owner)->pid;
}
// clone.c, for fork.c and itself: a thread that is NEW and nobody knows; it will return from the
// running thread's system call with 0. NULL: no memory.
must_check struct thread *process_thread_create(struct process *process,
                                                const struct clone_request *request);
must_check int64_t process_fork(const struct clone_request *request);
// Has the running thread something to do at the exit gate first? It is told to look then, and a
// call that makes threads is repeated.
must_check bool process_is_interrupted_locked(const struct process *process, struct thread *thread);
// May it have one more thread, or child? RLIMIT_NPROC counts threads.
must_check bool process_may_grow_locked(const struct process *process);
// For a bad address nothing happens, as on Linux: the thread exists all the same.
void process_store_tid(user_addr address, uint32_t tid);
// thread_end.c. Ends all threads but the running one, for exec; it is the first from then on.
// -EAGAIN: the process ends, or another thread does the same.
must_check int process_end_other_threads(struct process *process);
// The running thread leaves its address space: robust mutexes are told of, the tid is cleared.
void thread_leave_memory(struct process *process);
// It leaves the process. True: it is the last one, so it has not, and ends the process first.
must_check bool process_leave_thread(struct process *process);

// Adds the thread's run time and counts to the process's sums of exited threads.
void process_account_thread_locked(struct process *process, struct thread *thread);
// What one thread used.
void thread_usage_locked(const struct thread *thread, uint64_t *user_ns, uint64_t *system_ns,
                         struct abi_rusage *usage);
// Adds what a collected child used to the sums of its parent, whose lock is held.
void process_account_child_locked(struct process *parent, struct process *child);
// Run time of all threads, with the lock held.
void process_cpu_times_locked(struct process *process, uint64_t *user_ns, uint64_t *system_ns);
// Self plus collected children, as wait4 reports a child.
void process_total_usage_locked(struct process *process, struct abi_rusage *usage);

// For a number that is in use: no process gets it until it is freed as often as it was kept.
void process_number_keep(uint32_t number);
void process_number_free(uint32_t number);
// orphan.c. All are locked. Is there, but for `leaving` (may be NULL), no member whose parent could
// continue it?
must_check bool process_group_is_orphaned_locked(uint32_t group, const struct process *leaving);
// The only place that changes process->stopped: stopped processes are counted.
void process_set_stopped_locked(struct process *process, bool stopped);
// Does its end change what is stopped, so that all must be locked? Its parent's lock.
must_check bool process_end_matters_locked(const struct process *process);
// A process of the group has lost `parent`, or leaves itself (`leaving`): if that was the group's
// last link and something in it is stopped, it gets SIGHUP and SIGCONT.
void process_link_lost_locked(const struct process *process, const struct process *parent,
                              const struct process *leaving);
// group_signal.c. The kernel sends a set of signals to all of a group, from any context: to the
// first members at once, to those beyond some 30 (or 1000 processes) by a timer within
// milliseconds. It is as if all had them at one moment. The second: some still wait to be sent; any
// process's lock. The third: the process has those that it would have otherwise later. Else all are
// locked.
void process_group_signals_locked(uint32_t group, uint64_t signals);
must_check bool process_group_signals_wait_locked(void);
void process_group_signals_catch_up_locked(struct process *process);
// kill(2) of many: pid is 0 or negative, as signal_kill(). All of them have it on return. No lock
// held; passes preemption points.
must_check int process_group_kill(int64_t pid, const struct abi_siginfo *info);
// job_control.c. All that waited were sent. All are locked.
void job_control_signals_sent_locked(void);
// job_control.c. The process ends: if it led a session, its terminal hangs up. No lock held.
void job_control_leave(struct process *process);

// signal.c. Sends info->signal to a process, or to one thread of it. All are locked if the process
// is stopped and the signal may end that. `sender` NULL: the kernel. -EAGAIN when a real-time
// signal cannot be queued.
int signal_send_locked(struct process *process, struct thread *thread,
                       const struct abi_siginfo *info, const struct process *sender);
// The thread takes these signals no more, or has left the list of threads: those that are pending
// for the whole process become another thread's to take.
void signal_block_locked(struct thread *thread, uint64_t signals);
// What the thread may take now is pending: tells it to look at the exit gate.
void signal_recheck_locked(struct thread *thread);
// Signals that the running thread would act on at the exit gate.
uint64_t signal_deliverable_locked(const struct process *process, const struct thread *thread);
#define SIGNALS_STOP                                                                               \
    (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
bool signal_default_is_deadly(uint32_t signal);
bool signal_default_is_stop(uint32_t signal);
bool signal_default_is_ignored(uint32_t signal);
uint32_t signal_death_status(uint32_t signal); // wait status
// signal_fpu.c. The FPU's registers to a signal frame, -EFAULT; and back, also -ENOMEM. After an
// error of the second they may be the initial ones.
must_check int signal_fpu_write(uint64_t address);
must_check int signal_fpu_load(uint64_t address);
// signal_action.c. A new program, a new process's first thread, and the end of both.
void signal_reset_for_exec_locked(struct process *process);
void signal_inherit_actions_locked(struct process *child, const struct process *parent,
                                   uint64_t clone_flags);
void signal_inherit_mask(struct thread *thread, uint64_t clone_flags);
void signal_discard_all_locked(struct process *process, struct thread *thread);
// signal_child.c. A child's news for its parent, whose lock is held (the last two: all are):
// SIGCHLD (or what clone asked for), and a wake-up. The first is true when nobody will collect the
// child: the caller takes it out of the tree.
must_check bool signal_child_ended_locked(struct process *child);
void signal_child_stopped_locked(struct process *child, uint32_t signal);
void signal_child_continued_locked(struct process *child);
// itimer.c. The second: its SIGALRM was taken, so that a periodic timer runs again. The third: CPU
// time may pass faster from now on.
void itimers_init(struct process *process);
void itimer_restart_locked(struct process *process);
void itimers_thread_added_locked(struct process *process);
void itimers_stop(struct process *process); // its last thread ends; no lock held
// signal_gate.c. True: the running thread ends at the exit gate, whatever happens meanwhile: for
// the process's exit, another's execve, or a pending deadly signal, whose exit has begun then. No
// lock held.
must_check bool signal_death_begin(struct process *process);
// The parent is told of a stop once every thread has come to the exit gate: have they, now? All are
// locked, if it is stopped.
void signal_check_stop_locked(struct process *process);
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
uint64_t live_threads_baseline(void);
// Compares with the baseline; names each difference in `text`.
must_check bool live_counts_differ(char *text, size_t size);
