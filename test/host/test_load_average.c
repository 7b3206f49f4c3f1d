// Load averages: decay against the C library's exp(), counts that change against the exact
// integral, and counts that change all the time.
#include <math.h>

#include "lib/load_average.h"
#include "test.h"

#define SECOND 1000000000ull
#define FRACTION(value) ((double)(value) / (double)LOAD_ONE)

static const double periods[LOAD_AVERAGE_COUNT] = { 60, 300, 900 };

static bool is_near(double value, double expected, double tolerance)
{
    return fabs(value - expected) <= tolerance;
}

TEST(load_decay_is_exponential)
{
    for (uint64_t period = 60; period <= 900; period *= 15) {
        for (uint64_t ms = 0; ms < 4000000; ms = ms * 3 / 2 + 1) {
            double exact = exp(-(double)ms / 1000 / (double)period);
            CHECK(is_near(FRACTION(load_average_decay(ms * 1000, period * 1000000)), exact,
                          1e-6 / 4));
        }
    }
    CHECK_EQUAL(load_average_decay(0, 60000000), LOAD_ONE);
    CHECK_EQUAL(load_average_decay(UINT64_MAX, 60000000), 0);
}

TEST(load_follows_a_constant_count)
{
    struct load_average load = { .hz = SECOND };
    uint64_t averages[LOAD_AVERAGE_COUNT];
    load_average_change(&load, 5 * SECOND, 3);
    load_average_change(&load, 65 * SECOND, 0);
    load_average_read(&load, 125 * SECOND, averages);
    for (unsigned i = 0; i < LOAD_AVERAGE_COUNT; i++) {
        double busy = 3 * (1 - exp(-60 / periods[i]));
        CHECK(is_near(FRACTION(averages[i]), busy * exp(-60 / periods[i]), 1e-5));
    }
}

// Reading changes nothing, whenever it happens.
TEST(load_reading_is_harmless)
{
    struct load_average load = { .hz = SECOND }, other = { .hz = SECOND };
    uint64_t averages[LOAD_AVERAGE_COUNT], others[LOAD_AVERAGE_COUNT];
    for (uint64_t step = 0; step < 100; step++) {
        load_average_change(&load, step * SECOND / 3, (uint32_t)step % 4);
        load_average_change(&other, step * SECOND / 3, (uint32_t)step % 4);
        load_average_read(&load, step * SECOND / 3 + SECOND / 7, averages);
    }
    load_average_read(&load, 40 * SECOND, averages);
    load_average_read(&other, 40 * SECOND, others);
    for (unsigned i = 0; i < LOAD_AVERAGE_COUNT; i++)
        CHECK_EQUAL(averages[i], others[i]);
}

// Two threads a quarter of the time are half a thread, however short the stretches.
TEST(load_of_short_stretches)
{
    struct load_average load = { .hz = SECOND };
    uint64_t averages[LOAD_AVERAGE_COUNT], now = 0;
    while (now < 1200 * SECOND) {
        load_average_change(&load, now, 2);
        load_average_change(&load, now + SECOND / 400, 0);
        now += SECOND / 100;
    }
    load_average_read(&load, now, averages);
    for (unsigned i = 0; i < LOAD_AVERAGE_COUNT; i++)
        CHECK(is_near(FRACTION(averages[i]), 0.5 * (1 - exp(-1200 / periods[i])), 1e-3));
}
