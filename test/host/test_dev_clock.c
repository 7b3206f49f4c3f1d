// Arithmetic of the clock against 128-bit arithmetic, and the dates of the battery clock.
#include "cpu/clock_scale.h"
#include "cpu/cmos.h"
#include "test.h"

#define YEAR_NS 31536000000000000ull

static uint64_t random_of_any_size(void)
{
    return random_number() >> random_below(60);
}

static void check_scale(uint64_t hz)
{
    struct clock_scale scale = clock_scale_make(hz);

    for (int i = 0; i < 5000; i++) {
        uint64_t ns = random_of_any_size();
        uint64_t ticks = clock_scale_ticks(&scale, ns);
        if (ticks == UINT64_MAX)
            continue;
        unsigned __int128 exact = (unsigned __int128)ns * hz / NS_PER_SECOND;
        unsigned __int128 off = ticks > exact ? ticks - exact : exact - ticks;
        CHECK(clock_scale_ns(&scale, ticks) >= ns);
        CHECK(off <= 2 + (exact >> 43) + hz / NS_PER_SECOND);
    }
    // A microsecond off in a year at the most.
    uint64_t ticks = clock_scale_ticks(&scale, YEAR_NS);
    unsigned __int128 reached = (unsigned __int128)ticks * NS_PER_SECOND / hz;
    CHECK(reached + 1000 > YEAR_NS && reached < YEAR_NS + 1000);
    CHECK(clock_scale_ticks(&scale, UINT64_MAX) > 0);
}

TEST(dev_clock_scale_is_exact_and_never_early)
{
    static const uint64_t frequencies[] = { CLOCK_HZ_MINIMUM, 14318180,    999999937,
                                            1000000000,       2994123456u, 5000000000u,
                                            CLOCK_HZ_MAXIMUM };
    struct clock_scale none = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(frequencies); i++)
        check_scale(frequencies[i]);
    CHECK_EQUAL(clock_scale_ticks(&none, 5), 0);
    CHECK_EQUAL(clock_scale_ns(&none, 5), 0);
}

TEST(dev_clock_multiply_divide_against_128_bits)
{
    for (int i = 0; i < 20000; i++) {
        uint64_t a = random_of_any_size(), b = random_of_any_size();
        uint64_t divisor = (random_of_any_size() >> 1) | 1;
        uint64_t expected = (uint64_t)((unsigned __int128)a * b / divisor);
        CHECK_EQUAL(clock_multiply_divide(a, b, divisor), expected);
    }
}

TEST(dev_clock_choice_of_results)
{
    uint64_t values[] = { 5, 1, 9 };

    CHECK_EQUAL(clock_median(values, 3), 5);
    CHECK_EQUAL(clock_median(values, 0), 0);
    CHECK(clock_hz_agree(1000, 1010) && clock_hz_agree(1010, 1000));
    CHECK(!clock_hz_agree(1000, 1011) && !clock_hz_agree(1011, 1000));
}

TEST(dev_cmos_dates)
{
    static const struct {
        struct cmos_date date; // status B: bit 1 is the 24-hour clock, bit 2 binary
        uint64_t seconds;
    } cases[] = {
        { { 0, 0, 0, 1, 1, 0x70, 2 }, 0 },
        { { 0, 0, 0, 1, 1, 0x26, 2 }, 1767225600 },
        { { 59, 58, 23, 29, 2, 24, 6 }, 1709251139 },
        { { 0x30, 0x15, 0x80 | 0x12, 1, 1, 0x26, 0 }, 1767225600 + 12 * 3600 + 15 * 60 + 30 },
        { { 0, 0, 0x12, 1, 1, 0x26, 0 }, 1767225600 }, // 12 AM is midnight
        { { 0, 0, 0, 1, 3, 0, 2 }, 951868800 },        // 2000 was a leap year
        { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 0 },
        { { 0, 0, 0, 0, 1, 0x26, 2 }, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_EQUAL(cmos_unix_seconds(cases[i].date), cases[i].seconds);
}
