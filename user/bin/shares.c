// Shows rows 11 and 12 of kernel/README.md: what share of one CPU programs get by nice value, by
// policy and by priority, as the kernel counts it. Three cases; a line `shares: CASE KIND WORTH US`
// for each loop. `shares [DURATION]` of the first case, a second by default. `shares budget`: a
// case of three seconds, in which fixed priorities come to their limit.
#include "program.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOP_LIMIT 3
#define HIGHEST 99

struct loop {
    int policy, priority, nice;
};

struct trial {
    const char *name;
    struct loop loops[LOOP_LIMIT];
    unsigned count;
    uint64_t duration_ns; // 0: as asked for
};

static const struct trial trials[] = {
    { "nice", { { SCHED_OTHER, 0, 0 }, { SCHED_OTHER, 0, 0 }, { SCHED_OTHER, 0, 5 } }, 3, 0 },
    { "fifo", { { SCHED_OTHER, 0, -20 }, { SCHED_FIFO, 1, 0 } }, 2, 50000000 },
    { "rr",
      { { SCHED_OTHER, 0, 0 }, { SCHED_RR, 1, 0 }, { SCHED_RR, 1, 0 } },
      3,
      400000000 }, // four slices
};

static const struct trial budget = {
    "budget", { { SCHED_OTHER, 0, 0 }, { SCHED_FIFO, 1, 0 } }, 2, 3000000000
};

struct start {
    const struct loop *loop;
    int gate[2]; // end of file: go
};

// By the system call: musl's function is not there.
static void become(int policy, int priority)
{
    struct sched_param parameter = { .sched_priority = priority };
    if (syscall(SYS_sched_setscheduler, 0, policy, &parameter) != 0)
        fail("sched_setscheduler");
}

static int loop_for_ever(void *argument)
{
    const struct start *start = argument;
    char nothing;
    close(start->gate[1]);
    if (setpriority(PRIO_PROCESS, 0, start->loop->nice) != 0)
        return 1;
    become(start->loop->policy, start->loop->priority);
    if (read(start->gate[0], &nothing, 1) != 0)
        return 1;
    for (;;)
        __asm__ volatile(".rept 256\n\tnop\n\t.endr"); // few jumps: emulators are faster so
}

static uint64_t microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000u + (uint64_t)time->tv_usec;
}

static const char *kind(const struct loop *loop)
{
    return loop->policy == SCHED_OTHER ? "other" : loop->policy == SCHED_FIFO ? "fifo" : "rr";
}

// The highest priority is ours: the loops end all at one moment.
static int run_trial(const struct trial *trial, uint64_t duration_ns)
{
    pid_t pids[LOOP_LIMIT];
    struct start start;
    int bad = 0;
    if (pipe(start.gate) != 0)
        fail("pipe");
    for (unsigned i = 0; i < trial->count; i++) {
        start.loop = &trial->loops[i];
        pids[i] = child_start(loop_for_ever, &start);
    }
    sleep_ns(20000000); // they wait at the gate
    close(start.gate[1]);
    close(start.gate[0]);
    sleep_ns(duration_ns);
    for (unsigned i = 0; i < trial->count; i++)
        kill(pids[i], SIGKILL);
    for (unsigned i = 0; i < trial->count; i++) {
        const struct loop *loop = &trial->loops[i];
        struct rusage usage;
        int status;
        if (wait4(pids[i], &status, 0, &usage) != pids[i] || status != SIGKILL)
            bad = 1;
        printf("shares: %s %s %d %llu\n", trial->name, kind(loop),
               loop->policy == SCHED_OTHER ? loop->nice : loop->priority,
               (unsigned long long)(microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime)));
    }
    fflush(stdout);
    return bad;
}

int main(int argc, char **argv)
{
    bool limit = argc > 1 && strcmp(argv[1], budget.name) == 0;
    uint64_t duration_ns = argc > 1 && !limit ? duration_argument(argv[1]) : 1000000000u;
    int bad = 0;
    pin_to_cpu(0);
    become(SCHED_FIFO, HIGHEST);
    if (limit)
        return run_trial(&budget, budget.duration_ns);
    for (unsigned i = 0; i < COUNT_OF(trials); i++)
        bad |= run_trial(&trials[i], trials[i].duration_ns ? trials[i].duration_ns : duration_ns);
    return bad;
}
