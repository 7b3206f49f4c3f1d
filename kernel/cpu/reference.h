// The clocks that the TSC is measured against: HPET, ACPI PM timer, PIT channel 2. Each is a
// counter of known speed that is read, never waited for; whether it runs is found out first.
#pragma once

#include "cpu/clock.h"
#include "lib/types.h"

#define REFERENCE_LIMIT 3u

struct reference_clock {
    const char *name;
    uint32_t (*read)(const struct reference_clock *clock); // counts up
    uint32_t mask;      // bits that count; differences are taken within them
    uint64_t period_fs; // femtoseconds from one count to the next
    volatile void *registers;
    uint16_t port;
};

// Starts what the sources name and keeps what is seen counting, best first. Returns how many.
size_t reference_clocks_find(const struct clock_sources *sources,
                             struct reference_clock clocks[REFERENCE_LIMIT]);
