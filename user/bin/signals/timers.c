// alarm and the three interval timers.
#include "check.h"

#include <sys/time.h>
#include <sys/wait.h>

static bool alarm_fires(void)
{
    record_on(SIGALRM, 0);
    EXPECT(alarm(100) == 0);
    EXPECT(alarm(1) == 100);
    uint64_t start = clock_ns();
    EXPECT_ERROR(pause(), EINTR);
    EXPECT(clock_ns() - start >= 900 * MILLISECONDS && seen_signal == SIGALRM);
    EXPECT(seen_info.si_code == SI_KERNEL);
    EXPECT(alarm(0) == 0);
    return true;
}

static bool real_timer_repeats(void)
{
    struct itimerval timer = { { 0, 20000 }, { 0, 50000 } }, old;
    record_on(SIGALRM, 0);
    uint64_t start = clock_ns();
    EXPECT(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    EXPECT(getitimer(ITIMER_REAL, &old) == 0);
    EXPECT(old.it_interval.tv_usec == 20000 && old.it_value.tv_usec <= 50000);
    while (seen_count < 5)
        pause();
    EXPECT(clock_ns() - start >= 130 * MILLISECONDS);
    memset(&timer, 0, sizeof(timer));
    EXPECT(setitimer(ITIMER_REAL, &timer, &old) == 0 && old.it_interval.tv_usec == 20000);
    EXPECT(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_usec == 0);
    timer.it_value.tv_usec = 1000000;
    EXPECT_ERROR(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);
    EXPECT_ERROR(getitimer(3, &old), EINVAL);
    return true;
}

static bool cpu_timer_fires(int which, int signal)
{
    struct itimerval timer = { { 0, 20000 }, { 0, 20000 } };
    record_on(signal, 0);
    EXPECT(setitimer(which, &timer, NULL) == 0);
    uint64_t start = clock_ns();
    while (seen_count < 3 && clock_ns() - start < 10000 * MILLISECONDS)
        ;
    EXPECT(seen_count >= 3 && seen_signal == signal);
    return true;
}

static bool virtual_timer_fires(void)
{
    return cpu_timer_fires(ITIMER_VIRTUAL, SIGVTALRM);
}

static bool prof_timer_fires(void)
{
    return cpu_timer_fires(ITIMER_PROF, SIGPROF);
}

static bool children_have_no_timers(void)
{
    record_on(SIGALRM, 0);
    alarm(50);
    pid_t child = fork();
    if (child == 0)
        _exit(alarm(0) == 0 ? 0 : 1);
    EXPECT(child_wait(child) == 0);
    EXPECT(alarm(0) == 50);
    return true;
}

static void stop_after_many(int signal)
{
    struct itimerval off = { { 0, 0 }, { 0, 0 } };
    if (++seen_count == 200)
        setitimer(ITIMER_REAL, &off, NULL);
}

// As often as it can, so that the program itself may not get on; the machine still belongs to
// everybody.
static bool a_tiny_interval_is_survived(void)
{
    struct itimerval timer = { { 0, 1 }, { 0, 1 } };
    signal(SIGALRM, stop_after_many);
    EXPECT(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    while (seen_count < 200)
        ;
    return true;
}

const struct test timer_tests[] = {
    { "alarm_fires", alarm_fires },
    { "real_timer_repeats", real_timer_repeats },
    { "virtual_timer_fires", virtual_timer_fires },
    { "prof_timer_fires", prof_timer_fires },
    { "children_have_no_timers", children_have_no_timers },
    { "a_tiny_interval_is_survived", a_tiny_interval_is_survived },
};
const size_t timer_test_count = COUNT_OF(timer_tests);
