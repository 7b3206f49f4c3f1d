// Signals: pending sets, default actions, fatal faults. (Handlers come with the terminal.)
#pragma once

#include "proc/process.h"

// What went wrong, as siginfo will tell it.
struct fault_info {
    uint32_t signal;
    int32_t code;
    uint64_t address;
    uint64_t vector, error; // for the log line
};

// Sends a signal to a process; 0 tests for existence only. Any context.
int signal_send(struct process *process, uint32_t signal);
// kill(2)'s address forms. -ESRCH, -EINVAL, -EPERM.
must_check int signal_kill(int64_t pid, uint32_t signal);
// A fault of the running thread's program that nothing could resolve: the process ends with the
// signal at the exit gate; one log line says who, what, where.
void signal_fault(const struct trap_frame *frame, const struct fault_info *fault);
// Kills for lack of memory: SIGKILL, logged.
void signal_out_of_memory(uint64_t address);
// The exit gate's part: acts on what is pending. Interrupts on; may not return (death).
void signal_exit_gate(struct trap_frame *frame);
const char *signal_name(uint32_t signal); // "SIGSEGV"
