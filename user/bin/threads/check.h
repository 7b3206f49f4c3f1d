// What the tests of threads share. Each file of this folder exports one table of them.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "suite.h"

extern const struct test life_tests[], lock_tests[], meeting_tests[], cancel_tests[],
    delivery_tests[], futex_tests[], end_tests[], program_tests[], proc_tests[], clone_tests[],
    robust_tests[], affinity_tests[];
extern const size_t life_test_count, lock_test_count, meeting_test_count, cancel_test_count,
    delivery_test_count, futex_test_count, end_test_count, program_test_count, proc_test_count,
    clone_test_count, robust_test_count, affinity_test_count;

// Starts a thread; ends the test's process if there is none to be had.
pthread_t thread_begin(void *(*body)(void *), void *argument);
// Joins it; the value of its function.
void *thread_join(pthread_t thread);
// Spins, giving the processor away, until *flag is at least `value`.
void await(atomic_int *flag, int value);
pid_t own_tid(void);
// The letter of /proc/self/task/TID/stat; '?' when there is no such thread.
char thread_state(pid_t tid);
// Until the thread sleeps.
void await_sleep(pid_t tid);
// The same of another process's first thread.
void await_sleep_of(pid_t pid);
struct timespec moment_after(clockid_t clock, uint64_t duration_ns);
// A page that children share.
void *shared_page(void);
