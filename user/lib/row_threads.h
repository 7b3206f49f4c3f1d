// What rows.c knows of each thread. For rows.c alone.
#pragma once

#include "rows.h"

#define VECTOR_NONE 0xffffu // it has not trapped since the rows began

struct row_thread {
    uint32_t thread, pid;
    char name[16];
    uint32_t vector; // of its last trap from user mode
    uint32_t call;
    uint32_t inner_vector; // of its last trap from kernel mode
    uint64_t address;
    bool told;          // the rows have said that the trap is handled
    bool is_fresh;      // it is about to run a program from its start
    bool came;          // it was switched to and has not left the kernel since
    bool was_preempted; // what is left of its trap is to return
};

// Never NULL: who has no name is called by number. Good until the next call.
struct row_thread *row_thread_of(uint32_t thread);
const char *row_name_of_pid(uint32_t pid);
uint64_t row_clock_ns(uint64_t tsc); // on the kernel's clock
