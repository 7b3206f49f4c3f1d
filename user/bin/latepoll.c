// Shows row 14 of kernel/README.md in a small corner: a wake-up and a deadline come close together.
//   latepoll [ROUNDS]
// Waits in poll() for a pipe that is written in time, while four loops keep the CPU busy until
// after the deadline. Exits 0 when poll() never said "nothing" about a pipe that had data.
#include "program.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define LOOPS 4
#define WRITE_AFTER_NS 40000000u
#define POLL_MS 100

static int loop_for_ever(void *argument)
{
    for (;;)
        __asm__ volatile("");
}

static int write_late(void *argument)
{
    sleep_ns(WRITE_AFTER_NS);
    if (write(*(int *)argument, "x", 1) != 1)
        return 1;
    return loop_for_ever(NULL);
}

static bool poll_overlooks(int round)
{
    int ends[2];
    if (pipe(ends) != 0)
        fail("pipe");
    pid_t writer = child_start(write_late, &ends[1]);
    struct pollfd request = { .fd = ends[0], .events = POLLIN };
    int ready = poll(&request, 1, POLL_MS + round % 10 * 5);
    int ready_now = poll(&request, 1, 0);
    kill(writer, SIGKILL);
    child_wait(writer);
    close(ends[0]);
    close(ends[1]);
    return ready == 0 && ready_now == 1;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? number_argument(argv[1]) : 5;
    pid_t loops[LOOPS];
    int overlooked = 0;
    for (int i = 0; i < LOOPS; i++)
        loops[i] = child_start(loop_for_ever, NULL);
    for (int round = 0; round < rounds; round++)
        overlooked += poll_overlooks(round);
    for (int i = 0; i < LOOPS; i++) {
        kill(loops[i], SIGKILL);
        child_wait(loops[i]);
    }
    printf("latepoll: %d of %ld overlooked\n", overlooked, rounds);
    return overlooked != 0;
}
