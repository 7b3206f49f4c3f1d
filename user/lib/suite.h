// Test programs: a test is a function that returns true, or says with EXPECT what was otherwise.
// Each runs in a process of its own. For programs that also run on Linux, where their expectations
// were checked.
#pragma once

#include <errno.h>

#include "program.h"

struct test {
    const char *name;
    bool (*run)(void);
};

// One file's tests.
struct test_group {
    const struct test *tests;
    const size_t *count;
};

// Runs all tests, or the one called `only` (NULL: all): a line `ok NAME` or `BAD NAME: why` each,
// at the end `PROGRAM: N tests, N bad`. `settle` (may be NULL) is called after each. How many were
// bad.
unsigned suite_run(const char *program, const struct test_group *groups, size_t group_count,
                   const char *only, void (*settle)(void));

void suite_explain(const char *function, int line, const char *expectation);

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            suite_explain(__func__, __LINE__, #condition);                                         \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

// The call fails with exactly this error.
#define EXPECT_ERROR(call, error)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if ((long)(call) != -1 || errno != (error)) {                                              \
            suite_explain(__func__, __LINE__, #call " fails with " #error);                        \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

#define MILLISECONDS 1000000ull
