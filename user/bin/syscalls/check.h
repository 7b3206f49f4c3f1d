// A test is a function that returns true, or says with EXPECT what was otherwise. Each file of this
// folder exports one table of them; main.c runs each in a process of its own.
#pragma once

#include "program.h"

#include <errno.h>

struct test {
    const char *name;
    bool (*run)(void);
};

extern const struct test file_tests[], folder_tests[], descriptor_tests[], pipe_tests[],
    process_tests[], exec_tests[], memory_tests[], time_tests[], identity_tests[], system_tests[],
    waiting_tests[], proc_tests[];
extern const size_t file_test_count, folder_test_count, descriptor_test_count, pipe_test_count,
    process_test_count, exec_test_count, memory_test_count, time_test_count, identity_test_count,
    system_test_count, waiting_test_count, proc_test_count;

void explain(const char *file, int line, const char *expectation);

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            explain(__FILE__, __LINE__, #condition);                                               \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

// The call fails with exactly this error.
#define EXPECT_ERROR(call, error)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if ((long)(call) != -1 || errno != (error)) {                                              \
            explain(__FILE__, __LINE__, #call " fails with " #error);                              \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

#define PAGE 4096ul
// A folder of this run's own; main makes and removes it.
#define SCRATCH "/tmp/syscalls"
