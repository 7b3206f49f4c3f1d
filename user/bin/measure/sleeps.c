// The rows about how late a sleeper runs. Called through rows.c. Four rows show one distribution,
// so it is taken once.
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "call.h"
#include "rows.h"

#define SLEEP_NS 200000
#define TURNS_UNASKED (1l << 30)

struct distribution {
    unsigned count;
    double overshoot_ns[SAMPLE_LIMIT];
};

static struct distribution idle, loaded;

static void spin_always(void *unused)
{
    while (!helper_is_orphan())
        for (long i = 0; i < TURNS_UNASKED; i++)
            __asm__ volatile("");
}

static void take(struct distribution *kept, long count)
{
    struct timespec request = { 0, SLEEP_NS };
    if (count > SAMPLE_LIMIT)
        count = SAMPLE_LIMIT;
    for (long i = 0; i < count; i++) {
        long result = 0;
        uint64_t cycles = TIMED(1, result = call2(SYS_nanosleep, (long)&request, 0));
        if (result) {
            row_failed_call("nanosleep", result);
            return;
        }
        kept->overshoot_ns[i] = timing_ns((double)cycles) - SLEEP_NS;
    }
    kept->count = (unsigned)count;
}

static unsigned copy(const struct distribution *kept, double *values)
{
    memcpy(values, kept->overshoot_ns, kept->count * sizeof(*values));
    return kept->count;
}

unsigned overshoot_idle(const struct row *row, long count, double *values)
{
    if (!idle.count)
        take(&idle, count);
    return copy(&idle, values);
}

unsigned overshoot_loaded(const struct row *row, long count, double *values)
{
    if (loaded.count)
        return copy(&loaded, values);
    pid_t spinner = helper_start(spin_always, NULL);
    if (spinner > 0)
        take(&loaded, count);
    helper_stop(spinner);
    return copy(&loaded, values);
}
