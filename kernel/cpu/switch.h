// The switch context: what switch_context() saves of a kernel thread, the second of the chapter's
// two kinds of register save (the first is the trap frame, cpu/frame.h).
#pragma once

#include "lib/types.h"

// Callee-saved registers, as switch.S pushes them on the kernel stack (low to high).
struct switch_context {
    uint64_t r15, r14, r13, r12, rbx, rbp;
    uint64_t return_address;
};

_Static_assert(sizeof(struct switch_context) == 7 * 8, "switch_context layout");

// Saves the running context on its own stack, stores its address in *save, and continues `load`.
// Interrupts off; the run-queue lock is held across and released by whoever continues.
void switch_context(struct switch_context **save, struct switch_context *load);

// First code of a new kernel thread: r12 holds the function, r13 its argument (switch.S).
void thread_first_entry(void);
