// The measurement behind clock_init(): how fast the TSC and the LAPIC timer count.
#pragma once

#include "cpu/clock.h"
#include "lib/types.h"

struct calibration {
    uint64_t tsc_hz;
    uint64_t lapic_hz;
    const char *reference_name; // the clock that was believed
};

// Boot CPU, lapic_init() done, interrupts off. False when no clock works.
must_check bool calibrate(const struct clock_sources *sources, struct calibration *result);
