// What the tests of signals share.
#pragma once

#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern const struct test delivery_tests[], frame_tests[], wait_tests[], child_tests[],
    timer_tests[], return_tests[], context_tests[], stack_tests[], state_tests[], gate_tests[],
    group_tests[], vfork_tests[], stop_tests[], mask_tests[];
extern const size_t delivery_test_count, frame_test_count, wait_test_count, child_test_count,
    timer_test_count, return_test_count, context_test_count, stack_test_count, state_test_count,
    gate_test_count, group_test_count, vfork_test_count, stop_test_count, mask_test_count;

// What the last handler saw. record() is a handler for SA_SIGINFO.
extern volatile int seen_count, seen_signal;
extern siginfo_t seen_info;
void record(int signal, siginfo_t *info, void *context);
// Installs record() with flags, SA_SIGINFO added.
void record_on(int signal, int flags);
// Installs a handler for SA_SIGINFO, with more flags.
void handle_on(int signal, void (*handler)(int, siginfo_t *, void *), int flags);
void block(int signal);
void unblock(int signal);
// What this CPU and the kernel have.
bool has_xsave(void);
bool has_avx(void);
// A child that sends `signal` to this process after `delay_ns`.
pid_t send_later(int signal, uint64_t delay_ns);
