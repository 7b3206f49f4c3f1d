// Shows rows 11 and 12 of kernel/README.md: N endless loops pinned to one CPU; each reports what
// share of the work it got done. `spinners [N] [DURATION]`, three for a second by default.
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPINNER_LIMIT 64

struct report {
    pid_t pid;
    uint64_t rounds;
};

struct job {
    int start_gate; // read end: end of file means go
    int reports;
    uint64_t duration_ns;
};

static int spin(void *argument)
{
    const struct job *job = argument;
    struct report report = { getpid(), 0 };
    char nothing;
    if (read(job->start_gate, &nothing, 1) != 0)
        return 1;
    uint64_t deadline = clock_ns() + job->duration_ns;
    do {
        for (unsigned i = 0; i < 100000; i++)
            __asm__ volatile("" : : "r"(i));
        report.rounds++;
    } while (clock_ns() < deadline);
    return write(job->reports, &report, sizeof(report)) != sizeof(report);
}

static void print_shares(const struct report *reports, unsigned count)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < count; i++)
        total += reports[i].rounds;
    for (unsigned i = 0; i < count; i++) {
        uint64_t per_mille = total ? reports[i].rounds * 1000 / total : 0;
        printf("spinners: pid %d did %llu rounds, %llu.%llu %%\n", (int)reports[i].pid,
               (unsigned long long)reports[i].rounds, (unsigned long long)(per_mille / 10),
               (unsigned long long)(per_mille % 10));
    }
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)number_argument(argv[1]) : 3;
    struct report reports[SPINNER_LIMIT];
    pid_t pids[SPINNER_LIMIT];
    int gate[2], results[2];
    int failures = 0;
    if (count == 0 || count > SPINNER_LIMIT || pipe(gate) != 0 || pipe(results) != 0)
        fail("pipe, or not 1 to 64 spinners");
    struct job job = { gate[0], results[1], argc > 2 ? duration_argument(argv[2]) : 1000000000u };
    pin_to_cpu(0);
    for (unsigned i = 0; i < count; i++) {
        fflush(NULL);
        pids[i] = fork();
        if (pids[i] == 0) {
            close(gate[1]); // or no spinner would ever see its end of file
            _exit(spin(&job));
        }
    }
    close(gate[1]);
    for (unsigned i = 0; i < count; i++)
        if (pids[i] < 0 || read(results[0], &reports[i], sizeof(reports[i])) != sizeof(reports[i]))
            fail("a spinner did not report");
    for (unsigned i = 0; i < count; i++)
        failures += child_wait(pids[i]) != 0;
    print_shares(reports, count);
    return failures != 0;
}
