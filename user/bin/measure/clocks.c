// The rows about reading the time. Called through rows.c.
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "call.h"
#include "rows.h"

#define STEP_SAMPLES 11

void vdso_prepare(const struct row *row)
{
    if (!getauxval(AT_SYSINFO_EHDR))
        row_skipped("no vDSO");
}

uint64_t clock_library(long count)
{
    struct timespec now;
    return TIMED(count, clock_gettime(CLOCK_MONOTONIC, &now));
}

uint64_t clock_raw(long count)
{
    struct timespec now;
    long every = 0;
    uint64_t cycles = TIMED(count, every |= call2(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now));
    return every ? row_failed_call("clock_gettime", every) : cycles;
}

static int64_t look_us(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000 + now.tv_usec;
}

// The smallest step of `count` looks that was one.
static int64_t smallest_step_us(long count)
{
    int64_t smallest = 0, before = look_us();
    for (long i = 0; i < count; i++) {
        int64_t now = look_us();
        if (now > before && (smallest == 0 || now - before < smallest))
            smallest = now - before;
        before = now;
    }
    return smallest;
}

unsigned step_collect(const struct row *row, long count, double *values)
{
    for (unsigned i = 0; i < STEP_SAMPLES; i++) {
        values[i] = (double)smallest_step_us(count) * 1000;
        if (values[i] == 0)
            return (unsigned)row_skipped("the clock stood still");
    }
    return STEP_SAMPLES;
}
