// Looking at processes from outside, for /proc and the calls that take a pid: copies and references
// that stay good while the process goes on, or ends.
#pragma once

#include "cpu/frame.h"
#include "cpu/switch.h"
#include "proc/process.h"

// What is true of a process at one moment.
struct process_view {
    uint32_t pid, parent_pid, group, session;
    char state; // as /proc/PID/stat tells it: R S D T Z
    char name[16];
    int32_t nice;
    uint32_t thread_count;
    uint32_t thread_id; // of its first thread; 0: it has none any more
    uint32_t cpu;       // where its first thread runs, or ran last
    uint32_t exit_signal, exit_status, umask;
    uint64_t start_ns;
    uint64_t user_ns, system_ns, children_user_ns, children_system_ns;
    uint64_t minor_faults, children_minor_faults;
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t thread_pending, process_pending, blocked, ignored, caught; // signals, bit n-1
    uint32_t queued_signals;
    struct abi_rlimit limits[RLIMIT_COUNT];
    struct cpu_mask affinity;
};
void process_inspect(struct process *process, struct process_view *view);

// Both register sets of its first thread: the program's, as it entered the kernel last, and, while
// it does not run, what a switch will load.
struct process_registers {
    struct trap_frame user;
    bool has_context; // false: it runs now
    struct switch_context context;
    uint64_t context_rsp; // as after the switch's return
};
// False: it has no thread any more.
must_check bool process_copy_registers(struct process *process, struct process_registers *copy);

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
// How many are in a sleep that no signal ends. Passes preemption points.
uint32_t process_count_blocked(void);

// -20 (first) to 19; the policies of today give every process the same share.
// PRIO_PROCESS, PRIO_PGRP, PRIO_USER. `who` 0: the running process, its group, its user. The lowest
// nice value of those named, in *nice; -ESRCH, -EINVAL.
#define PRIO_PROCESS 0
#define PRIO_PGRP 1
#define PRIO_USER 2
must_check int process_nice_get(uint32_t which, uint32_t who, int32_t *nice);
// Sets it, cut to the range. -ESRCH, -EINVAL.
must_check int process_nice_set(uint32_t which, uint32_t who, int32_t nice);
