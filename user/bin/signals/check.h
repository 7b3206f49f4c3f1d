// What the tests of signals share.
#pragma once

#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern const struct test delivery_tests[], frame_tests[], wait_tests[], child_tests[],
    timer_tests[], return_tests[], group_tests[];
extern const size_t delivery_test_count, frame_test_count, wait_test_count, child_test_count,
    timer_test_count, return_test_count, group_test_count;

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
