// Shows rows 2 and 11 of kernel/README.md: a loop that never enters the kernel, pinned to CPU 0.
//   spinner            for ever
//   spinner 2s|500ms   looks at the clock (a system call) once per 100,000 rounds
//   spinner ROUNDS r   a fixed amount of work, no system call at all between start and end
#include "program.h"

#include <stdio.h>
#include <string.h>

static void spin_rounds(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++)
        __asm__ volatile("" : : "r"(i)); // kept by the compiler
}

int main(int argc, char **argv)
{
    pin_to_cpu(0);
    if (argc == 3 && strcmp(argv[2], "r") == 0) {
        spin_rounds((uint64_t)number_argument(argv[1]));
        return 0;
    }
    uint64_t deadline = argc > 1 ? clock_ns() + duration_argument(argv[1]) : 0;
    uint64_t rounds = 0;
    while (deadline == 0 || clock_ns() < deadline) {
        spin_rounds(deadline == 0 ? UINT64_MAX : 100000);
        rounds += 100000;
    }
    printf("spinner: %llu rounds\n", (unsigned long long)rounds);
    return 0;
}
