// Names declared here, below, and defined above, in trap/: how hardware calls up. With panic
// (lib/panic.h) these are the only upward calls of the kernel.
#pragma once

#include "cpu/frame.h"

// The vector entry: an interrupt or exception, from either mode. Interrupts are off. Called on the
// thread's kernel stack, or, for an IST vector that hit kernel mode, on its IST stack: then nothing
// here may block or reach the exit gate.
void trap_handle(struct trap_frame *frame);

// The system-call entry. Interrupts are off; turned on inside.
void syscall_handle(struct trap_frame *frame);

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
