// Names declared here, below, and defined above, in trap/: how hardware calls up. With panic
// (lib/panic.h) these are the only upward calls of the kernel.
#pragma once

#include "cpu/frame.h"

// Entry code clears RBP before it calls up, so that no walk of frame pointers goes on with one of a
// program's choice. For assertions in the functions below.
#define upcall_frame_is_first() (*(const uint64_t *)__builtin_frame_address(0) == 0)

// The vector entry: an interrupt or exception, from either mode. Interrupts are off, on return too;
// an exception of a program may turn them on in between. Called on the
// thread's kernel stack, or, for an IST vector that hit kernel mode, on its IST stack: then nothing
// here may block or reach the exit gate.
void trap_handle(struct trap_frame *frame);

// A system call's handler: all six argument registers, whatever the call takes; 0 or positive, or
// -errno. Called straight from the entry, interrupts on, in the caller's thread. It may read the
// thread's frame but not write it, but for those that end in thread_return_to_user().
typedef int64_t syscall_handler(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// By number, no slot NULL; the last stands for every number from SYSCALL_LIMIT on.
#define SYSCALL_LIMIT 512u
extern syscall_handler *const syscall_table[SYSCALL_LIMIT + 1];

// Not 0: every entry from user mode leaves by the exit gate, and system calls pass syscall_begin()
// before their handler.
extern uint32_t syscall_detour;
// Interrupts are off.
void syscall_begin(const struct trap_frame *frame);

// struct thread begins with its work for the exit gate, 32 bits, which the system-call entry looks
// at.
#define THREAD_WORK_OFFSET 0

// The exit gate: everything that is due before user mode continues (death, signals, a switch), then
// the return decision. Interrupts off on entry and exit. True: leave by SYSRET; false: by IRETQ.
must_check bool return_to_user(struct trap_frame *frame);

// A hardware fault hit the IRETQ that returns to user mode. Moves the fault's registers under the
// refused user frame and returns the new trap frame, from user mode, vector and error kept.
struct trap_frame *iretq_fault(struct trap_frame *frame);

// What a thread runs first, on its own stack, after its first switch: releases the run-queue lock.
void thread_started(void);

// In entry.S: drops the running thread's kernel stack down to the user frame at its top and goes
// through the exit gate. For threads that enter user mode the first time. Interrupts in any state.
noreturn_function void thread_return_to_user(void);
