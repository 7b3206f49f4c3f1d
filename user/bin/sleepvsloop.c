// Shows rows 9 and 11 of kernel/README.md: an endless loop and a child that wants to wake after 50
// ms. With the timer the child wakes, says so and ends the loop; with `timer=off` the loop owns the
// CPU for good and nothing more is heard of this machine.
#include "program.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    pin_to_cpu(0);
    pid_t parent = getpid();
    printf("sleepvsloop: looping\n");
    fflush(stdout);
    if (fork() == 0) {
        sleep_ns(50000000);
        printf("sleepvsloop: the sleeper woke\n");
        fflush(stdout);
        kill(parent, SIGTERM);
        _exit(0);
    }
    for (;;)
        __asm__ volatile("");
}
