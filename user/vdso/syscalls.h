// System calls of the vDSO, for what it cannot answer itself. Any thread, any stack.
#pragma once

#include <stdint.h>

#define SYS_GETTIMEOFDAY 96
#define SYS_TIME 201
#define SYS_CLOCK_GETTIME 228
#define SYS_CLOCK_GETRES 229

static inline int64_t system_call(long number, long first, long second)
{
    int64_t result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second)
                     : "rcx", "r11", "memory");
    return result;
}
