// What the tests of system calls share. Each file of this folder exports one table of them.
#pragma once

#include "suite.h"

extern const struct test file_tests[], folder_tests[], descriptor_tests[], pipe_tests[],
    process_tests[], exec_tests[], memory_tests[], time_tests[], identity_tests[], system_tests[],
    waiting_tests[], proc_tests[], vdso_tests[], scheduling_tests[], limit_tests[], record_tests[];
extern const size_t file_test_count, folder_test_count, descriptor_test_count, pipe_test_count,
    process_test_count, exec_test_count, memory_test_count, time_test_count, identity_test_count,
    system_test_count, waiting_test_count, proc_test_count, vdso_test_count, scheduling_test_count,
    limit_test_count, record_test_count;

// limit_tests executes this program with --map: it waits for a byte of its input, then maps more
// than it may have. Its exit status.
int map_what_is_too_much(void);

// limit_tests executes this program with --map: it waits for a byte of its input, then maps more
// than it may have. Its exit status.
int map_what_is_too_much(void);

#define PAGE 4096ul
// A folder of this run's own; main makes and removes it.
#define SCRATCH "/tmp/syscalls"
