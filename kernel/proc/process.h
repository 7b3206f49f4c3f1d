// Processes: what owns threads, an address space, descriptors and a place in the tree of parents.
// Each of these is an object of its own; a process holds one reference of each.
// Locks: each has its own (LOCK_RANK_PROCESS), for all that is not said to be another's; what ties
// processes together changes while all are locked (proc/internal.h). Fields set once at creation
// need none.
#pragma once

#include "abi/process.h"
#include "fs/file_table.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "vm/address_space.h"

enum process_state {
    PROCESS_ALIVE,
    PROCESS_ZOMBIE, // exited, status not yet collected
    PROCESS_DEAD,   // collected; the object goes with its last reference
};

// An interval timer; itimer.c. Times on the kernel clock, or of CPU time used.
struct itimer {
    struct timer timer;
    struct process *process;
    uint64_t deadline_ns; // 0: not set
    uint64_t interval_ns;
    bool has_fired; // REAL, periodic: runs again when its signal was taken
};

struct process {
    atomic_uint references;
    uint32_t pid;
    struct spinlock lock;
    // Guarded by the parent's lock; once ZOMBIE, so are the sums below.
    _Atomic(enum process_state) state;
    uint32_t exit_status; // Linux wait status once ZOMBIE
    struct list_node sibling_link;
    // Changed while all are locked, and before others know the process. The first two may be read
    // at any time.
    atomic_uint group, session;
    uint32_t group_walk;    // the last one that reached it or, before its birth, its parent
    bool gave_up_terminal;  // TIOCNOTTY: its session's terminal is not its own
    struct process *parent; // process_set_parent_locked() changes it; NULL also once collected
    atomic_uint parent_pid; // its pid, 0: none; may be read without the lock

    struct list_node children;
    struct list_node pid_link;    // in its bucket of the pid table
    struct list_node threads;     // by owner_link of struct thread
    uint32_t thread_count;        // alive; the last one's end is the process's
    struct wait_queue child_exit; // the parent waits here

    _Atomic(struct address_space *) space; // NULL once exited
    struct file_table *files;              // NULL once exited
    struct inode *working_directory;
    struct inode *executable; // for /proc/PID/exe; counted in `executing`
    char *executable_path;
    atomic_uint umask;
    atomic_uint personality; // ADDR_NO_RANDOMIZE or nothing: how later programs are laid out

    struct pending_signals pending_signals; // for any of its threads
    uint32_t queued_signals;                // entries, its threads' too; bounded by a limit
    struct abi_sigaction actions[SIGNAL_LIMIT];
    uint64_t actions_set; // bit per signal; clear: its action is all zeroes, the default
    struct itimer itimers[ITIMER_COUNT];
    bool exiting;              // exit_group has begun: threads leave at the exit gate
    uint32_t death_signal;     // signal that ends the process, 0: exit()
    uint32_t requested_status; // wait status that exit_group will report
    uint32_t exit_signal;      // tells the parent of the end; 0: none
    uint32_t killer_pid;       // who sent the last deadly signal, for the log; 0: the kernel
    char killer_name[16];
    bool executed;                // has run execve: the parent may not change its group any more
    atomic_bool vfork_borrowing;  // runs on its parent's space; itself ends that
    struct wait_queue vfork_done; // the parent waits here

    struct thread *exec_thread; // runs execve: the others leave at the exit gate

    // Changed while all are locked; the two that are unreported, to the parent's wait4, also with
    // the parent's lock.
    bool stopped; // by a stop signal: its threads wait at the exit gate; process_set_stopped_locked
    uint64_t dying_since_ns;  // when out_of_memory.c killed it, or saw it die; 0: neither
    uint32_t stopped_threads; // that wait; when all do, the parent is told
    bool stop_unreported, continue_unreported;
    uint32_t stop_signal;
    struct wait_queue continued; // stopped threads wait here

    // out_of_memory.c: since when it gets no page, though memory is free; 0: it does.
    atomic_ullong tries_since_ns;

    struct abi_rlimit limits[RLIMIT_COUNT];
    uint64_t start_ns;
    // of exited threads and of collected children
    uint64_t exited_user_ns, exited_system_ns, children_user_ns, children_system_ns;
    uint64_t minor_faults, children_minor_faults;
    uint64_t voluntary_switches, involuntary_switches;
    char name[16];
};

void process_init(void); // boot
// The process of the running thread; NULL in a kernel thread.
static inline struct process *current_process(void)
{
    return current_thread()->owner;
}
// By its pid or by the number of one of its threads. A reference, or NULL.
must_check struct process *process_find(uint32_t number);
void process_reference(struct process *process);
void process_release(struct process *process);
uint64_t processes_live(void);

// Makes the first process: executes `path` with argv and envp. Boot; from a kernel thread with an
// FPU state, which becomes the process; thread_return_to_user() then starts the program. -errno
// when it cannot be executed, with the reason logged; the thread is a kernel thread again then.
must_check int process_start_first(const char *path, char *const argv[], char *const envp[]);
// What fork, vfork, clone and clone3 ask for.
struct clone_request {
    uint64_t flags;       // CLONE_*
    uint32_t exit_signal; // tells of a child process's end; 0: none
    uint64_t stack, tls;  // register values of the new thread; a stack of 0: the caller's
    user_addr parent_tid, child_tid;
};
// A new process with one thread, or, with CLONE_THREAD, a new thread of this one. The number of the
// new thread, or -errno: -EINVAL for combinations that Linux refuses or that are not there.
must_check int64_t process_clone(const struct clone_request *request);
// The process no longer runs on its parent's space (exec, exit): a parent that waits in vfork goes
// on.
void process_vfork_finish(struct process *process);
// Ends the whole process with a wait status (exit_group, fatal signals). Does not return. The first
// status given counts.
noreturn_function void process_exit(uint32_t wait_status);
// Ends the running thread alone (exit). With the last one the process ends, with its status, as on
// Linux since 6.0.
noreturn_function void process_exit_thread(uint32_t wait_status);
// Which children a wait is for.
struct wait_target {
    uint32_t kind; // P_ALL, P_PID, P_PGID
    uint32_t id;   // the pid or group
};
// wait4 and waitid. The pid, 0 (WNOHANG, nothing yet) or -errno; *status (as wait4 gives it) and
// *usage are filled for a pid. WEXITED, WSTOPPED, WCONTINUED: what counts; WNOWAIT: it stays.
// Children whose exit_signal is not SIGCHLD count with WAIT_ALL or WAIT_CLONE only.
must_check int64_t process_wait(const struct wait_target *target, uint32_t options,
                                uint32_t *status, struct abi_rusage *usage);
// What getrusage tells of a process itself, and of its collected children.
void process_usage(struct process *process, struct abi_rusage *usage);
void process_children_usage(struct process *process, struct abi_rusage *usage);
// Exact run time of all its threads, split by where samples fell. Takes its lock.
void process_cpu_times(struct process *process, uint64_t *user_ns, uint64_t *system_ns);
// What the process or thread with this number has used; 0: the running one. -EINVAL: there is none,
// or the thread is another process's.
#define CPU_CLOCK_TOTAL 0u
#define CPU_CLOCK_USER 1u
#define CPU_CLOCK_EXACT 2u // the total again
must_check int process_cpu_clock(uint32_t number, bool of_thread, uint32_t kind, uint64_t *ns);
// What getrusage(RUSAGE_THREAD) tells of the running thread.
void thread_usage(struct abi_rusage *usage);

// The working directory, with a reference; and its replacement, which takes over the caller's.
must_check struct inode *process_working_directory(struct process *process);
void process_set_working_directory(struct process *process, struct inode *directory);
// The address space with a reference; NULL once exited.
must_check struct address_space *process_space_get(struct process *process);
// Of one of the running process's threads; the first one's is the process's too.
void process_set_thread_name(struct thread *thread, const char *name);
void process_copy_thread_name(char name[16]); // of the running thread
// Reads or replaces a limit; either pointer may be NULL. -EINVAL, -EPERM as prlimit64. Those that
// bound memory count once process_apply_memory_limits() has told the space. May sleep.
must_check int process_limit(struct process *process, uint32_t resource,
                             const struct abi_rlimit *new_limit, struct abi_rlimit *old_limit);
void process_apply_memory_limits(struct process *process, struct address_space *space);

// Job control; a pid of 0 is the running process. Errors as Linux.
must_check int process_set_group(uint32_t pid, uint32_t group);
must_check int64_t process_group_of(uint32_t pid);
must_check int64_t process_session_of(uint32_t pid);
must_check int64_t process_new_session(void);
// As it is at some moment of the call; needs no lock.
static inline uint32_t process_parent_pid(const struct process *process)
{
    return atomic_load_explicit(&process->parent_pid, memory_order_relaxed);
}

// Orderly shutdown: kills every process but the caller, waits for them, then reports whether
// everything came back and powers off, restarts or halts (REBOOT_*).
noreturn_function void process_shutdown(uint32_t command);
// Ctrl-Alt-Del: SIGINT to init, or, until reboot(2) said otherwise, the machine restarts at once.
// The first in any context, no spinlock held; it may not return.
void process_restart_by_keys(void);
void process_set_restart_by_keys(bool at_once);
// Remembers the live counts that shutdown compares with. Boot, before the archive is unpacked, from
// the thread that will call process_start_first(): shutdown ends in one such thread too, so that
// the counts compare exactly.
void process_remember_baseline(void);
