// Looking at processes from outside, for /proc and the calls that take a pid: copies and references
// that stay good while the process goes on, or ends.
#pragma once

#include "cpu/frame.h"
#include "cpu/switch.h"
#include "proc/process.h"

// What is true of a process at one moment.
struct process_view {
    uint32_t pid;        // the process's, or of one thread its number
    uint32_t process_id; // always the process's
    uint32_t parent_pid, group, session;
    char state; // as /proc/PID/stat tells it: R S D T Z
    char name[16];
    uint32_t thread_count;
    uint32_t thread_id; // the kernel's, of its first thread; 0: that has ended
    uint32_t cpu;       // where that runs, or ran last
    uint32_t exit_signal, exit_status, umask;
    uint64_t start_ns;
    uint64_t user_ns, system_ns, children_user_ns, children_system_ns;
    uint64_t minor_faults, children_minor_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t thread_pending, process_pending, blocked, ignored, caught; // signals, bit n-1
    uint32_t queued_signals;
    struct abi_rlimit limits[RLIMIT_COUNT];
    struct cpu_mask affinity;
    struct thread_rights rights; // of its first thread; all 0 when that has ended
};
// `tid` 0: the process as a whole, as its first thread is. Else as this thread of it is, which may
// have ended (a zombie then).
void process_inspect(struct process *process, uint32_t tid, struct process_view *view);
// Does it have a thread of this number? A first thread counts as long as the process is there.
must_check bool process_has_thread(struct process *process, uint32_t tid);
// Its lowest thread number at or above `tid`; 0: there is none.
must_check uint32_t process_next_thread(struct process *process, uint32_t tid);
// False: the process has no thread of this number.
must_check bool process_rename_thread(struct process *process, uint32_t tid, const char *name);

// Both register sets of a thread (0: the first): the program's, as it entered the kernel last, and,
// while it does not run, what a switch will load.
struct process_registers {
    struct trap_frame user;
    bool has_context; // false: it runs now
    struct switch_context context;
    uint64_t context_rsp; // as after the switch's return
};
// False: it has no thread any more.
must_check bool process_copy_registers(struct process *process, uint32_t tid,
                                       struct process_registers *copy);

// Each with a reference; NULL when the process has none (any more).
must_check struct file_table *process_files_get(struct process *process);
must_check struct inode *process_directory_get(struct process *process);
must_check struct inode *process_executable_get(struct process *process);
// The path of the executable, cut to `size` with its terminator; its length, -ENOENT.
must_check int64_t process_executable_path(struct process *process, char *buffer, size_t size);

// The process with the lowest pid at or above `pid`, with a reference; NULL when there is none.
must_check struct process *process_find_from(uint32_t pid);

struct process_totals {
    uint32_t count;    // of processes now
    uint32_t last_pid; // given most recently
    uint64_t started;  // since boot
};
void process_count_totals(struct process_totals *totals);
// How many threads are in a sleep that no signal ends. Passes preemption points.
uint32_t process_count_blocked(void);

// Where the thread may run (sched/scheduler.h); 0 is the running one. -ESRCH; -EINVAL.
must_check int thread_affinity_get(uint32_t tid, struct cpu_mask *mask);
must_check int thread_affinity_set(uint32_t tid, const struct cpu_mask *mask);

// nice.c. Rights are a thread's. Of the thread with this number (0: the running one); -ESRCH.
must_check int thread_rights_get(uint32_t tid, struct thread_rights *rights);
// Lets `change` write the rights, with a spinlock held, and sets them unless it returns an error.
typedef int (*rights_change)(struct thread_rights *rights, const void *argument);
must_check int thread_rights_change(uint32_t tid, rights_change change, const void *argument);
// PRIO_PROCESS: a thread; PRIO_PGRP, PRIO_USER: all threads of a group, of a user. `who` 0: the
// running one, its group, its user. The lowest nice value of those named, in *nice; -ESRCH,
// -EINVAL.
#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2
must_check int process_nice_get(uint32_t which, uint32_t who, int32_t *nice);
// Sets it, cut to the range. -ESRCH, -EINVAL.
must_check int process_nice_set(uint32_t which, uint32_t who, int32_t nice);
