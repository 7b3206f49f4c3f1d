// Where the parts of a new program lie in its address space. For exec.
#pragma once

#include "proc/process.h"

struct exec_layout {
    uint64_t movable_base; // of a position-independent program
    uint64_t stack_top;    // page-aligned end of the stack
    uint64_t strings_gap; // bytes between the stack's strings and what lies below, a multiple of 16
    uint64_t mmap_gap;    // bytes between the room kept for the stack and the first mapping
    uint64_t brk_gap;     // bytes between the program's end and its heap, whole pages
    uint64_t vdso_random;
};

// Draws all of it, within Linux's ranges; without randomisation it is the same every time. The
// program's process decides (personality), and `norandmaps` for all.
void exec_layout_draw(struct exec_layout *layout, const struct process *process);
// Sets limits and borders of a fresh space.
void exec_layout_apply(const struct exec_layout *layout, struct address_space *space,
                       struct process *process);
// Boot, `norandmaps`: from now on nothing is random.
void exec_layout_fix(void);
