// Panic is declared here, at the bottom, because every layer may need it; it is defined in
// debug/panic.c. It prints why (registers, backtrace, process, last events) and restarts.
#pragma once

#include "lib/types.h"

struct trap_frame;

// Never returns. Callable in any context, with any lock held, interrupts on or off.
noreturn_function void panic(const char *format, ...) printf_like(1, 2);

// As panic(), for a fault in kernel mode: the registers printed are those of `frame`.
noreturn_function void panic_at(const struct trap_frame *frame, const char *format, ...)
    printf_like(2, 3);

#define kassert(condition)                                                                         \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            panic("assertion failed: %s (%s:%d)", #condition, __FILE__, __LINE__);                 \
    } while (0)
