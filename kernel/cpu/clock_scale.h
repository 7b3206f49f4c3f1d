// Pure arithmetic of the clock, tested on the host: ticks to nanoseconds and back by a 64 x 64 bit
// multiplication and a shift (no 128-bit division: the kernel links no compiler runtime), and the
// choice among calibration results.
#pragma once

#include "lib/types.h"

#define CLOCK_SCALE_SHIFT 56u
#define CLOCK_SCALE_ONE (1ull << CLOCK_SCALE_SHIFT)
#define NS_PER_SECOND 1000000000ull
// Frequencies that fit the shift with room; a TSC outside is not believed.
#define CLOCK_HZ_MINIMUM 10000000ull
#define CLOCK_HZ_MAXIMUM 100000000000ull

struct clock_scale {
    uint64_t ns_per_tick;  // << CLOCK_SCALE_SHIFT, rounded down
    uint64_t ticks_per_ns; // << CLOCK_SCALE_SHIFT, rounded down
};

// a * b / divisor, rounded down, one bit at a time. The divisor is below 2^63; a quotient that does
// not fit loses its high bits.
static inline uint64_t clock_multiply_divide(uint64_t a, uint64_t b, uint64_t divisor)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t quotient = 0;
    uint64_t remainder = 0;

    for (unsigned bit = 128; bit-- > 0;) {
        remainder = remainder << 1 | (uint64_t)(product >> bit & 1);
        quotient <<= 1;
        if (remainder >= divisor) {
            remainder -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

// `hz` lies within the two limits.
static inline struct clock_scale clock_scale_make(uint64_t hz)
{
    return (struct clock_scale){
        .ns_per_tick = clock_multiply_divide(NS_PER_SECOND, CLOCK_SCALE_ONE, hz),
        .ticks_per_ns = clock_multiply_divide(hz, CLOCK_SCALE_ONE, NS_PER_SECOND),
    };
}

// value * factor >> shift; all ones when the result does not fit.
static inline uint64_t clock_multiply(uint64_t value, uint64_t factor)
{
    unsigned __int128 product = (unsigned __int128)value * factor;

    if (unlikely((uint64_t)(product >> 64) >> CLOCK_SCALE_SHIFT))
        return UINT64_MAX;
    return (uint64_t)(product >> CLOCK_SCALE_SHIFT);
}

static inline uint64_t clock_scale_ns(const struct clock_scale *scale, uint64_t ticks)
{
    return clock_multiply(ticks, scale->ns_per_tick);
}

// The fewest ticks (or one or two more) that take at least `ns`: clock_scale_ns() of the result is
// never less. All ones when there is no such number; 0 from a scale not made yet.
static inline uint64_t clock_scale_ticks(const struct clock_scale *scale, uint64_t ns)
{
    uint64_t ticks = clock_multiply(ns, scale->ticks_per_ns);

    if (scale->ns_per_tick == 0)
        return 0;
    for (;;) {
        uint64_t reached = clock_scale_ns(scale, ticks);
        if (reached >= ns || ticks == UINT64_MAX)
            return ticks;
        uint64_t missing = clock_multiply(ns - reached, scale->ticks_per_ns) + 1;
        ticks = missing > UINT64_MAX - ticks ? UINT64_MAX : ticks + missing;
    }
}

// Within one per cent of the smaller.
static inline bool clock_hz_agree(uint64_t a, uint64_t b)
{
    uint64_t low = a < b ? a : b;
    uint64_t high = a < b ? b : a;

    return high - low <= low / 100;
}

// The middle value; sorts the array. 0 for none.
static inline uint64_t clock_median(uint64_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && values[j - 1] > values[j]; j--) {
            uint64_t value = values[j];
            values[j] = values[j - 1];
            values[j - 1] = value;
        }
    }
    return count > 0 ? values[count / 2] : 0;
}
