// Which reference clock is believed and what comes of it, on a machine of clocks that are absent,
// stopped, wrong or interrupted.
#include <string.h>

#include "clock_fixture.h"
#include "cpu/calibrate.h"
#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "test.h"

#define TSC_HZ 2994000000ull
#define LAPIC_HZ 100000000ull

static struct clock_sources sources;
static struct calibration result;

static void start(void)
{
    fake_clocks_start(&sources, TSC_HZ, LAPIC_HZ);
}

// Within so many millionths.
static bool is_near(uint64_t value, uint64_t expected, uint64_t ppm)
{
    uint64_t off = value > expected ? value - expected : expected - value;

    return off <= expected / 1000000 * ppm;
}

static void check_right(const char *reference)
{
    CHECK(calibrate(&sources, &result));
    CHECK_TEXT(result.reference_name, reference);
    CHECK(is_near(result.tsc_hz, TSC_HZ, 300));
    CHECK(is_near(result.lapic_hz, LAPIC_HZ, 300));
}

static void check_report(uint32_t count, const char *text)
{
    CHECK_TEXT(fake_clocks_last_report(), text);
    CHECK_EQUAL(fake_clocks_report_count(), count);
}

TEST(clock_reference_order)
{
    start();
    check_right("HPET");
    CHECK(fake_clocks.pm_timer_reads > 100); // the second opinion
    start();
    sources.hpet = NULL;
    check_right("ACPI PM timer");
    CHECK(fake_clocks.hpet_reads == 0 && fake_clocks.pit_reads > 100);
    start();
    sources.hpet = NULL;
    sources.pm_timer_port = 0;
    check_right("PIT");
    CHECK_EQUAL(fake_clocks.hpet_reads + fake_clocks.pm_timer_reads, 0);
    CHECK_EQUAL(fake_clocks.port_61, 0x0d); // gate open, speaker off, the rest as it was
    check_report(0, "");
    sources.has_pit = false;
    CHECK(!calibrate(&sources, &result));
}

TEST(clock_references_that_do_not_count)
{
    start();
    fake_clocks.hpet.stops_at_fs = 0;
    check_right("ACPI PM timer");
    check_report(1, "HPET stands still; not used");
    start();
    fake_clocks.hpet.stops_at_fs = fake_clocks.pm_timer.stops_at_fs = 0;
    check_right("PIT");
    check_report(3, "ACPI PM timer stands still; not used");
    fake_clocks.pit.stops_at_fs = 0;
    CHECK(!calibrate(&sources, &result));
    check_report(6, "PIT stands still; not used");
}

TEST(clock_hpet_of_an_impossible_period)
{
    static const uint32_t periods[] = { 0, 100000001, UINT32_MAX };

    for (uint32_t i = 0; i < ARRAY_SIZE(periods); i++) {
        start();
        fake_clocks.hpet_period_fs = periods[i];
        check_right("ACPI PM timer");
        CHECK_EQUAL(fake_clocks_report_count(), i + 1);
    }
    start();
    fake_clocks.hpet_period_fs = 100000000; // the slowest
    fake_clocks.hpet.period_fs = 100000000;
    check_right("HPET");
}

TEST(clock_references_that_stop_meanwhile)
{
    start();
    fake_clocks.hpet.stops_at_fs = 2 * FS_PER_MS; // in the second window
    check_right("ACPI PM timer");
    check_report(1, "HPET stopped while the TSC was measured");
    start();
    fake_clocks.pm_timer.stops_at_fs = 4 * FS_PER_MS; // that of the second opinion
    check_right("HPET");
    check_report(2, "ACPI PM timer stopped while the TSC was measured");
    start();
    fake_clocks.hpet.stops_at_fs = 2 * FS_PER_MS;
    fake_clocks.pm_timer.stops_at_fs = 2 * FS_PER_MS;
    check_right("PIT");
    check_report(4, "ACPI PM timer stopped while the TSC was measured");
    start();
    sources = (struct clock_sources){ .has_pit = true };
    fake_clocks.pit.stops_at_fs = 2 * FS_PER_MS;
    CHECK(!calibrate(&sources, &result));
    check_report(5, "PIT stopped while the TSC was measured");
}

// A round is three windows of each; the first clock is wrong for one and a half.
TEST(clock_references_that_disagree_for_a_while)
{
    start();
    fake_clocks.hpet.fast_ppm = 50000;
    fake_clocks.hpet.fast_until_fs = 9 * FS_PER_MS;
    check_right("HPET");
    CHECK(fake_clocks.now_fs > 12 * FS_PER_MS); // not the first round's
    check_report(0, "");
    start(); // nor does the second's wrong count
    fake_clocks.pm_timer.fast_ppm = -50000;
    fake_clocks.pm_timer.fast_until_fs = 9 * FS_PER_MS;
    check_right("HPET");
    CHECK(fake_clocks.now_fs > 12 * FS_PER_MS);
    check_report(0, "");
}

// Nobody knows which is right: what comes is one of the two, for both timers the same one, after
// five rounds of six milliseconds.
TEST(clock_references_that_disagree_for_good)
{
    static const int64_t wrong_ppm[] = { 12000, 50000, -50000 };

    for (uint32_t i = 0; i < ARRAY_SIZE(wrong_ppm); i++) {
        uint64_t other_hz = TSC_HZ * 1000000 / (uint64_t)(1000000 + wrong_ppm[i]);
        start();
        fake_clocks.hpet.fast_ppm = wrong_ppm[i];
        CHECK(calibrate(&sources, &result));
        CHECK(is_near(result.tsc_hz, TSC_HZ, 500) || is_near(result.tsc_hz, other_hz, 500));
        CHECK(is_near(result.tsc_hz * LAPIC_HZ / TSC_HZ, result.lapic_hz, 500));
        CHECK(strstr(fake_clocks_last_report(), "HPET and ACPI PM timer disagree") != NULL);
        CHECK_EQUAL(fake_clocks_report_count(), i + 1);
        CHECK(fake_clocks.now_fs > 28 * FS_PER_MS && fake_clocks.now_fs < 40 * FS_PER_MS);
    }
    start();
    fake_clocks.hpet.fast_ppm = 8000; // less than a per cent is no disagreement
    CHECK(calibrate(&sources, &result));
    CHECK(is_near(result.tsc_hz, TSC_HZ * 1000 / 1008, 300));
    CHECK(fake_clocks.now_fs < 12 * FS_PER_MS);
    CHECK_EQUAL(fake_clocks_report_count(), ARRAY_SIZE(wrong_ppm));
}

// As an SMI or a hypervisor takes the CPU away: inside a reading, between two, while waiting.
TEST(clock_interruptions_do_not_enter_the_result)
{
    for (uint32_t i = 0; i < 20; i++) {
        start();
        fake_clocks.pause_every = 17 + i % 2;
        fake_clocks.pause_fs = FS_PER_MS / 20;
        sources.hpet = i < 10 ? sources.hpet : NULL;
        check_right(i < 10 ? "HPET" : "ACPI PM timer");
    }
    check_report(0, "");
}

// So long ones that nearly every window holds a wrap, which the median of a round would not hide.
// A 32-bit counter of 14 MHz takes five minutes.
TEST(clock_counters_wrap)
{
    static const struct {
        const char *name;
        uint64_t pause_ms;
        uint32_t mask;
    } cases[] = { { "ACPI PM timer", 2200, 0xffffff },
                  { "ACPI PM timer", 2200, UINT32_MAX },
                  { "PIT", 25, 0 } };

    for (uint32_t i = 0; i < 10 * ARRAY_SIZE(cases); i++) {
        start();
        fake_clocks.pause_every = 800;
        fake_clocks.pause_fs = cases[i / 10].pause_ms * FS_PER_MS;
        fake_clocks.pm_timer_mask = cases[i / 10].mask;
        sources.pm_timer_is_32_bit = cases[i / 10].mask == UINT32_MAX;
        sources.pm_timer_port = cases[i / 10].mask != 0 ? PM_TIMER_PORT : 0;
        sources.hpet = NULL;
        fake_clocks.pm_timer.first = UINT32_MAX - i * 1000000;
        fake_clocks.pit.elapsed_fs = i * 5 * FS_PER_MS;
        check_right(cases[i / 10].name);
    }
    check_report(0, "");
}

TEST(clock_statement_of_the_cpu)
{
    start();
    cpu_features.tsc_hz = TSC_HZ / 1000 * 1004; // wins where the clocks confirm it
    CHECK(calibrate(&sources, &result));
    CHECK_EQUAL(result.tsc_hz, cpu_features.tsc_hz);
    CHECK(is_near(result.lapic_hz, LAPIC_HZ / 1000 * 1004, 300));
    check_report(0, "");
    start();
    cpu_features.tsc_hz = TSC_HZ / 1000 * 1020;
    check_right("HPET");
    CHECK(strstr(fake_clocks_last_report(), "HPET says 299") != NULL);
    CHECK(strstr(fake_clocks_last_report(), "; CPUID not believed") != NULL);
    CHECK_EQUAL(fake_clocks_report_count(), 1);
}

TEST(clock_rates_beyond_belief)
{
    fake_clocks_start(&sources, CLOCK_HZ_MINIMUM / 2, LAPIC_HZ);
    CHECK(!calibrate(&sources, &result));
    fake_clocks_start(&sources, CLOCK_HZ_MAXIMUM * 2, LAPIC_HZ);
    CHECK(!calibrate(&sources, &result));
    fake_clocks_start(&sources, TSC_HZ, 0); // a LAPIC timer that stands still
    CHECK(!calibrate(&sources, &result));
    fake_clocks_start(&sources, CLOCK_HZ_MINIMUM * 2, LAPIC_HZ);
    CHECK(calibrate(&sources, &result));
    CHECK(is_near(result.tsc_hz, CLOCK_HZ_MINIMUM * 2, 1000));
}
