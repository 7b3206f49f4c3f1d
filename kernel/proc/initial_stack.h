// The stack that a program starts with (System V ABI for x86-64, section 3.4.1). For exec.
#pragma once

#include "proc/elf_load.h"
#include "proc/exec.h"

struct initial_stack {
    uint64_t top;         // page-aligned end of the stack
    uint64_t strings_gap; // bytes below the strings, a multiple of 16
    int64_t vdso;         // its address; 0: none
    const struct elf_program *program;
    const struct exec_strings *arguments, *environment;
    const char *executable_name; // as given to execve, for AT_EXECFN
};

// Maps the stack into a fresh space and fills it; *stack_pointer is what the program starts with.
// -E2BIG when it does not fit under the stack limit, -ENOMEM.
must_check int initial_stack_build(struct address_space *space, const struct initial_stack *stack,
                                   uint64_t *stack_pointer);
