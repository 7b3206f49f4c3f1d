// Ends: of one thread, of the first one before the others, of all; stops and continuations.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int ready;

static void *sleep_for_ever(void *argument)
{
    ready++;
    for (;;)
        pause();
}

static void *spin_for_ever(void *argument)
{
    ready++;
    for (;;)
        __asm__ volatile("pause");
}

static void *exit_all(void *argument)
{
    await(&ready, 3);
    exit(9);
}

static int many_and_one_exits(void *argument)
{
    thread_begin(sleep_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    thread_begin(exit_all, NULL);
    for (;;)
        pause();
}

static bool test_exit_of_all(void)
{
    int status = child_run(many_and_one_exits, NULL);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 9);
    return true;
}

static void *end_later(void *argument)
{
    while (thread_state(getpid()) != 'Z')
        sched_yield();
    sleep_ns(20 * MILLISECONDS);
    *(atomic_int *)argument = 1;
    syscall(SYS_exit, 55); // the last to go: its status counts
    return NULL;
}

static int first_goes_first(void *argument)
{
    thread_begin(end_later, argument);
    syscall(SYS_exit, 44);
    return 1;
}

static bool test_first_thread_goes_first(void)
{
    atomic_int *flag = shared_page();
    int status = child_run(first_goes_first, flag);
    EXPECT(*flag == 1); // nothing was told before the last thread's end
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 55);
    return true;
}

static int pthread_exit_of_first(void *argument)
{
    thread_begin(end_later, argument);
    pthread_exit(NULL);
}

static bool test_pthread_exit_of_first(void)
{
    atomic_int *flag = shared_page();
    int status = child_run(pthread_exit_of_first, flag);
    EXPECT(*flag == 1 && WIFEXITED(status) && WEXITSTATUS(status) == 55);
    return true;
}

static void *fault(void *argument)
{
    await(&ready, 2);
    *(volatile int *)8 = 1;
    return NULL;
}

static int many_and_one_faults(void *argument)
{
    thread_begin(sleep_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    thread_begin(fault, NULL);
    for (;;)
        pause();
}

static bool test_fault_kills_all(void)
{
    int status = child_run(many_and_one_faults, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return true;
}

static int report_and_spin(void *argument)
{
    thread_begin(sleep_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    await(&ready, 3);
    *(atomic_int *)argument = 1;
    spin_for_ever(NULL);
    return 0;
}

static bool test_killed(void)
{
    atomic_int *flag = shared_page();
    pid_t child = child_start(report_and_spin, flag);
    await(flag, 1);
    EXPECT(kill(child, SIGTERM) == 0);
    int status = child_wait(child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    return true;
}

struct counters {
    atomic_int ready;
    atomic_int turns[3];
};

static struct counters *counters;

static void *count_turns(void *argument)
{
    atomic_int *turns = argument;
    for (;;)
        (*turns)++;
}

static int count_in_threads(void *argument)
{
    counters = argument;
    for (int i = 0; i < 3; i++)
        thread_begin(count_turns, &counters->turns[i]);
    for (int i = 0; i < 3; i++)
        await(&counters->turns[i], 1);
    counters->ready = 1;
    for (;;)
        pause();
}

static long sum_turns(const struct counters *of)
{
    return (long)of->turns[0] + of->turns[1] + of->turns[2];
}

static bool test_stop_and_continue(void)
{
    struct counters *shared = shared_page();
    int status;
    pid_t child = child_start(count_in_threads, shared);
    await(&shared->ready, 1);
    EXPECT(kill(child, SIGSTOP) == 0);
    EXPECT(waitpid(child, &status, WUNTRACED) == child);
    EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    long before = sum_turns(shared);
    sleep_ns(20 * MILLISECONDS);
    EXPECT(sum_turns(shared) == before); // all of them stand
    EXPECT(kill(child, SIGCONT) == 0);
    EXPECT(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    while (sum_turns(shared) == before)
        sched_yield();
    EXPECT(kill(child, SIGSTOP) == 0 && waitpid(child, &status, WUNTRACED) == child);
    EXPECT(kill(child, SIGKILL) == 0);
    status = child_wait(child);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return true;
}

static void *burn(void *argument)
{
    struct rusage usage;
    struct timespec own;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    while (own.tv_sec == 0 && own.tv_nsec < 30000000);
    getrusage(RUSAGE_THREAD, &usage);
    return (void *)(intptr_t)(usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
                              usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec);
}

static uint64_t clock_value(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool test_times(void)
{
    pthread_t a = thread_begin(burn, NULL), b = thread_begin(burn, NULL);
    EXPECT((intptr_t)thread_join(a) >= 29900 && (intptr_t)thread_join(b) >= 29900);
    EXPECT(clock_value(CLOCK_PROCESS_CPUTIME_ID) >= 60 * MILLISECONDS); // ended ones count
    EXPECT(clock_value(CLOCK_THREAD_CPUTIME_ID) < clock_value(CLOCK_PROCESS_CPUTIME_ID));
    return true;
}

static bool test_clock_of_another(void)
{
    clockid_t clock;
    struct timespec time;
    pthread_t thread = thread_begin(spin_for_ever, NULL);
    EXPECT(pthread_getcpuclockid(thread, &clock) == 0);
    uint64_t before = clock_value(clock);
    while (clock_value(clock) < before + 10 * MILLISECONDS)
        sched_yield();
    EXPECT(clock_getcpuclockid(getpid(), &clock) == 0 && clock_gettime(clock, &time) == 0);
    EXPECT_ERROR(clock_gettime(~30000u << 3 | 6, &time), EINVAL);
    return true;
}

static void *tell_and_spin(void *argument)
{
    *(atomic_int *)argument = own_tid();
    return spin_for_ever(argument);
}

static pid_t start_one_that_spins(atomic_int *worker)
{
    *worker = 0;
    pid_t child = fork();
    if (child == 0) {
        thread_begin(tell_and_spin, worker);
        for (;;)
            pause();
    }
    await(worker, 1);
    return child;
}

// The stop, too, was sent first, but it does not come before the end.
static bool test_kill_beats_stop(void)
{
    atomic_int *worker = shared_page();
    int status;
    for (int round = 0; round < 10; round++) {
        pid_t child = start_one_that_spins(worker);
        EXPECT(kill(child, SIGSTOP) == 0 && syscall(SYS_tkill, *worker, SIGKILL) == 0);
        EXPECT(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
        child = start_one_that_spins(worker);
        EXPECT(syscall(SYS_tgkill, child, child, SIGSTOP) == 0 && kill(child, SIGKILL) == 0);
        EXPECT(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    }
    return true;
}

static void *kill_own_process(void *went_on)
{
    await(&ready, 2);
    kill(getpid(), SIGKILL);
    *(atomic_int *)went_on = 1;
    exit(1);
}

static int many_and_one_kills(void *went_on)
{
    thread_begin(spin_for_ever, NULL);
    thread_begin(kill_own_process, went_on);
    spin_for_ever(NULL);
    return 0;
}

// Whoever of its threads may take the signal: who sent it does not come back from the call.
static bool test_kill_from_within(void)
{
    atomic_int *went_on = shared_page();
    for (int round = 0; round < 10; round++) {
        int status = child_run(many_and_one_kills, went_on);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && *went_on == 0);
    }
    return true;
}

const struct test end_tests[] = {
    { "exit-of-all", test_exit_of_all },
    { "first-thread-goes-first", test_first_thread_goes_first },
    { "pthread-exit-of-first", test_pthread_exit_of_first },
    { "fault-kills-all", test_fault_kills_all },
    { "killed", test_killed },
    { "stop-and-continue", test_stop_and_continue },
    { "cpu-times", test_times },
    { "clock-of-another", test_clock_of_another },
    { "kill-beats-stop", test_kill_beats_stop },
    { "kill-from-within", test_kill_from_within },
};
const size_t end_test_count = COUNT_OF(end_tests);
