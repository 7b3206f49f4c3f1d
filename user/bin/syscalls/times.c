// Clocks and sleeping: they agree with each other, go forward, and no sleep ends early.
#include "check.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_of(clockid_t clock)
{
    struct timespec now;
    return clock_gettime(clock, &now) == 0
               ? (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec
               : 0;
}

static bool test_clocks(void)
{
    struct timespec resolution;
    uint64_t before = clock_of(CLOCK_MONOTONIC);
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_of(CLOCK_MONOTONIC);
        EXPECT(now >= before);
        before = now;
    }
    EXPECT(clock_of(CLOCK_REALTIME) > 1600000000ull * 1000000000);
    EXPECT(clock_of(CLOCK_BOOTTIME) + 1000000000 > clock_of(CLOCK_MONOTONIC));
    EXPECT(clock_of(CLOCK_MONOTONIC_RAW) != 0 && clock_of(CLOCK_MONOTONIC_COARSE) != 0);
    EXPECT_ERROR(syscall(SYS_clock_gettime, 77, &resolution), EINVAL);
    return true;
}

static bool test_wall_clock(void)
{
    struct timeval now;
    EXPECT(gettimeofday(&now, NULL) == 0 && now.tv_usec >= 0 && now.tv_usec < 1000000);
    uint64_t wall = clock_of(CLOCK_REALTIME) / 1000000000;
    EXPECT((uint64_t)now.tv_sec <= wall && wall <= (uint64_t)now.tv_sec + 5);
    EXPECT(syscall(SYS_gettimeofday, NULL, NULL) == 0);
    return true;
}

// Run time grows with work, not with sleep.
static bool test_process_time(void)
{
    uint64_t start = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    sleep_ns(50000000);
    EXPECT(clock_of(CLOCK_PROCESS_CPUTIME_ID) - start < 30000000);
    uint64_t deadline = clock_ns() + 30000000;
    while (clock_ns() < deadline)
        ;
    uint64_t worked = clock_of(CLOCK_PROCESS_CPUTIME_ID) - start;
    EXPECT(worked > 1000000 && worked < 80000000);
    EXPECT(clock_of(CLOCK_THREAD_CPUTIME_ID) >= worked);
    return true;
}

static bool test_sleep(void)
{
    for (uint64_t duration = 100000; duration <= 40000000; duration *= 20) {
        uint64_t begin = clock_ns();
        sleep_ns(duration);
        EXPECT(clock_ns() - begin >= duration);
    }
    struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, zero = { 0, 0 };
    EXPECT(nanosleep(&zero, NULL) == 0);
    EXPECT_ERROR(syscall(SYS_nanosleep, &bad, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_nanosleep, &negative, NULL), EINVAL);
    return true;
}

static bool test_absolute_sleep(void)
{
    uint64_t until = clock_ns() + 20000000;
    struct timespec deadline = { (time_t)(until / 1000000000u), (long)(until % 1000000000u) };
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == 0);
    EXPECT(clock_ns() >= until);
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == 0); // long past
    EXPECT_ERROR(syscall(SYS_clock_nanosleep, 77, 0, &deadline, NULL), EINVAL);
    return true;
}

const struct test time_tests[] = {
    { "clocks", test_clocks },
    { "wall-clock", test_wall_clock },
    { "process-time", test_process_time },
    { "sleep", test_sleep },
    { "absolute-sleep", test_absolute_sleep },
};
const size_t time_test_count = COUNT_OF(time_tests);
