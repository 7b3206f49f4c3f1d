// Measures the TSC and the LAPIC timer against a reference clock, in windows of about a
// millisecond. Every reading of a slow counter stands between two TSC readings and the tightest of
// several is kept, so that an interruption (SMI, an emulator's pause) does not enter the result; a
// second clock must agree within one per cent. Invariant: every loop is counted.
#include "cpu/calibrate.h"

#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "cpu/lapic.h"
#include "cpu/reference.h"
#include "cpu/registers.h"
#include "cpu/report.h"

#define WINDOW_FS 1000000000000ull // 1 ms
#define WINDOW_READ_LIMIT                                                                          \
    2000000u // 20 ms and more when a read takes 10 ns; a stopped clock ends here
#define FS_PER_SECOND 1000000000000000ull
#define TRIES_PER_SAMPLE 8u
#define WINDOWS_PER_ROUND 3u
#define ROUND_LIMIT 5u

// One reading of a counter and the TSC at its middle.
struct sample {
    uint64_t tsc;
    uint32_t count;
};

// One window measured by one reference.
struct window {
    uint64_t tsc_hz;
    uint64_t lapic_hz;
};

// LFENCE keeps the reading from moving across the counter access (SDM vol. 2B, RDTSC).
static uint64_t read_tsc_in_order(void)
{
    __asm__ volatile("lfence" ::: "memory");
    uint64_t tsc = read_tsc();
    __asm__ volatile("lfence" ::: "memory");
    return tsc;
}

static uint32_t read_lapic_timer(const struct reference_clock *clock)
{
    (void)clock;
    return lapic_timer_elapsed();
}

static struct sample take_sample(const struct reference_clock *clock)
{
    struct sample best = { 0, 0 };
    uint64_t best_width = UINT64_MAX;

    for (uint32_t i = 0; i < TRIES_PER_SAMPLE; i++) {
        uint64_t before = read_tsc_in_order();
        uint32_t count = clock->read(clock);
        uint64_t width = read_tsc_in_order() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct sample){ before + width / 2, count };
        }
    }
    return best;
}

// Waits until the clock is a window further. False when it stops meanwhile.
static bool wait_for_window(const struct reference_clock *clock, uint32_t start)
{
    uint64_t wanted = WINDOW_FS / clock->period_fs;

    for (uint32_t i = 0; i < WINDOW_READ_LIMIT; i++)
        if (((clock->read(clock) - start) & clock->mask) >= wanted)
            return true;
    return false;
}

static bool measure_window(const struct reference_clock *clock, struct window *window)
{
    static const struct reference_clock lapic_timer = { .read = read_lapic_timer };

    lapic_timer_start_counting();
    struct sample clock_start = take_sample(clock);
    struct sample lapic_start = take_sample(&lapic_timer);
    if (!wait_for_window(clock, clock_start.count))
        return false;
    struct sample clock_end = take_sample(clock);
    struct sample lapic_end = take_sample(&lapic_timer);

    uint64_t counts = (clock_end.count - clock_start.count) & clock->mask;
    uint64_t tsc_ticks = clock_end.tsc - clock_start.tsc;
    uint64_t lapic_tsc_ticks = lapic_end.tsc - lapic_start.tsc;
    if (counts == 0 || tsc_ticks == 0 || lapic_tsc_ticks == 0)
        return false;
    window->tsc_hz = clock_multiply_divide(tsc_ticks, FS_PER_SECOND, counts * clock->period_fs);
    window->lapic_hz =
        clock_multiply_divide(window->tsc_hz, lapic_end.count - lapic_start.count, lapic_tsc_ticks);
    return true;
}

// The median of a few windows by one clock. False when it stopped.
static bool measure_round(const struct reference_clock *clock, struct window *median)
{
    uint64_t tsc_hz[WINDOWS_PER_ROUND], lapic_hz[WINDOWS_PER_ROUND];

    for (uint32_t i = 0; i < WINDOWS_PER_ROUND; i++) {
        struct window window;
        if (!measure_window(clock, &window)) {
            report_line("clock", "%s stopped while the TSC was measured", clock->name);
            return false;
        }
        tsc_hz[i] = window.tsc_hz;
        lapic_hz[i] = window.lapic_hz;
    }
    median->tsc_hz = clock_median(tsc_hz, WINDOWS_PER_ROUND);
    median->lapic_hz = clock_median(lapic_hz, WINDOWS_PER_ROUND);
    return median->tsc_hz >= CLOCK_HZ_MINIMUM && median->tsc_hz <= CLOCK_HZ_MAXIMUM;
}

// What the second opinion is: another clock where there is one, else another round by the same.
static bool measure_agreeing(const struct reference_clock *clock,
                             const struct reference_clock *second, struct window *result)
{
    uint64_t tsc_hz[2 * ROUND_LIMIT], lapic_hz[2 * ROUND_LIMIT];
    struct window check;
    size_t count = 0;

    for (uint32_t round = 0; round < ROUND_LIMIT; round++) {
        if (!measure_round(clock, result))
            return false;
        if (!measure_round(second, &check))
            return true; // it stopped and said so: the first is all there is
        if (clock_hz_agree(result->tsc_hz, check.tsc_hz))
            return true;
        tsc_hz[count] = result->tsc_hz;
        lapic_hz[count++] = result->lapic_hz;
        tsc_hz[count] = check.tsc_hz;
        lapic_hz[count++] = check.lapic_hz;
    }
    report_line("clock", "%s and %s disagree about the TSC: %llu and %llu kHz; median taken",
                clock->name, second->name, (unsigned long long)result->tsc_hz / 1000,
                (unsigned long long)check.tsc_hz / 1000);
    result->tsc_hz = clock_median(tsc_hz, count);
    result->lapic_hz = clock_median(lapic_hz, count);
    return true;
}

// The CPU's own statement (CPUID leaf 15h) is exact where it is true, so it wins when the
// measurement confirms it.
static void weigh_cpuid(struct calibration *result)
{
    uint64_t stated = cpu_features.tsc_hz;

    if (stated == 0)
        return;
    if (!clock_hz_agree(stated, result->tsc_hz)) {
        report_line("clock", "CPUID says %llu kHz, %s says %llu kHz; CPUID not believed",
                    (unsigned long long)stated / 1000, result->reference_name,
                    (unsigned long long)result->tsc_hz / 1000);
        return;
    }
    result->lapic_hz = clock_multiply_divide(result->lapic_hz, stated, result->tsc_hz);
    result->tsc_hz = stated;
}

bool calibrate(const struct clock_sources *sources, struct calibration *result)
{
    struct reference_clock clocks[REFERENCE_LIMIT];
    size_t count = reference_clocks_find(sources, clocks);

    for (size_t i = 0; i < count; i++) {
        const struct reference_clock *second = i + 1 < count ? &clocks[i + 1] : &clocks[i];
        struct window window;
        if (!measure_agreeing(&clocks[i], second, &window) || window.lapic_hz == 0)
            continue;
        result->tsc_hz = window.tsc_hz;
        result->lapic_hz = window.lapic_hz;
        result->reference_name = clocks[i].name;
        weigh_cpuid(result);
        return true;
    }
    return false;
}
