// Shows row 11 of kernel/README.md: sleeps again and again and reports how late it woke.
//   sleeper [DURATION] [TIMES]                 alone
//   sleeper [DURATION] [TIMES] beside-loop     beside an endless loop on the same CPU
// Exits 0 when no sleep ended early. The loop never enters the kernel: only the timer interrupt can
// take the CPU from it.
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int loop_for_ever(void *argument)
{
    for (;;)
        __asm__ volatile("");
}

int main(int argc, char **argv)
{
    uint64_t duration_ns = argc > 1 ? duration_argument(argv[1]) : 20000000;
    long times = argc > 2 ? number_argument(argv[2]) : 20;
    uint64_t worst_ns = 0, total_ns = 0;
    bool early = false;
    pid_t loop = 0;
    pin_to_cpu(0);
    if (argc > 3 && strcmp(argv[3], "beside-loop") == 0)
        loop = child_start(loop_for_ever, NULL);
    for (long i = 0; i < times; i++) {
        uint64_t begin = clock_ns();
        sleep_ns(duration_ns);
        uint64_t took = clock_ns() - begin;
        early |= took < duration_ns;
        uint64_t late = took < duration_ns ? 0 : took - duration_ns;
        worst_ns = late > worst_ns ? late : worst_ns;
        total_ns += late;
    }
    if (loop != 0) {
        kill(loop, SIGKILL);
        child_wait(loop);
    }
    printf("sleeper: %ld sleeps, late by %llu us on average, %llu us at worst%s\n", times,
           (unsigned long long)(times ? total_ns / (uint64_t)times / 1000 : 0),
           (unsigned long long)(worst_ns / 1000), early ? ", and one ended early" : "");
    return early;
}
