// A test is a function that returns true, or says with EXPECT what was otherwise. main.c runs each
// in a process of its own.
#pragma once

#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct test {
    const char *name;
    bool (*run)(void);
};

extern const struct test delivery_tests[], frame_tests[], wait_tests[], child_tests[],
    timer_tests[], return_tests[];
extern const size_t delivery_test_count, frame_test_count, wait_test_count, child_test_count,
    timer_test_count, return_test_count;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("  %s:%d: expected %s (errno %d)\n", __func__, __LINE__, #condition, errno);    \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

#define EXPECT_ERROR(call, error)                                                                  \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if ((long)(call) != -1 || errno != (error)) {                                              \
            printf("  %s:%d: expected " #call " to fail with " #error " (errno %d)\n", __func__,   \
                   __LINE__, errno);                                                               \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

// What the last handler saw. record() is a handler for SA_SIGINFO.
extern volatile int seen_count, seen_signal;
extern siginfo_t seen_info;
void record(int signal, siginfo_t *info, void *context);
// Installs record() with flags, SA_SIGINFO added.
void record_on(int signal, int flags);
void block(int signal);
void unblock(int signal);
// A child that sends `signal` to this process after `delay_ns`.
pid_t send_later(int signal, uint64_t delay_ns);

#define MILLISECONDS 1000000ull
