// Shows row 11 of kernel/README.md in its hardest corner: the slice ends while the program is on
// its way to sleep.
//   neighbour [FROM_NS] [TO_NS] [STEP_NS]
// For each duration it takes naps so short that they end before the switch away, beside a process
// that counts. Exits 0 when the neighbour was never without the CPU for three slices.
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#define WINDOW_NS 60000000u
#define PATIENCE_NS 30000000u // three slices

static volatile uint64_t *turns; // shared; the neighbour counts here

static int count_for_ever(void *argument)
{
    for (;;)
        (*turns)++;
}

static bool neighbour_starves(uint64_t nap_ns)
{
    uint64_t begin = clock_ns(), last_seen = begin, last_turns = *turns;
    while (clock_ns() - begin < WINDOW_NS) {
        sleep_ns(nap_ns);
        if (*turns != last_turns) {
            last_turns = *turns;
            last_seen = clock_ns();
        } else if (clock_ns() - last_seen > PATIENCE_NS) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    uint64_t nap_ns = argc > 1 ? (uint64_t)number_argument(argv[1]) : 200;
    uint64_t end_ns = argc > 2 ? (uint64_t)number_argument(argv[2]) : 1000;
    uint64_t step_ns = argc > 3 ? (uint64_t)number_argument(argv[3]) : 50;
    int starved = 0;
    pin_to_cpu(0);
    turns = mmap(NULL, sizeof(*turns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED)
        fail("mmap");
    pid_t neighbour = child_start(count_for_ever, NULL);
    for (; nap_ns < end_ns; nap_ns += step_ns)
        if (neighbour_starves(nap_ns)) {
            printf("neighbour: starved beside naps of %llu ns\n", (unsigned long long)nap_ns);
            starved++;
        }
    kill(neighbour, SIGKILL);
    child_wait(neighbour);
    printf("neighbour: starved beside %d kinds of nap\n", starved);
    return starved != 0;
}
