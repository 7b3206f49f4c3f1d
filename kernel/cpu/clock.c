// The kernel clock: TSC ticks since kernel time zero, scaled to nanoseconds. clock_init() is called
// once on the boot CPU; everything else may be called from anywhere. Invariant: what is read here
// never changes after clock_init().
#include "cpu/clock.h"

#include "cpu/calibrate.h"
#include "cpu/clock_scale.h"
#include "cpu/cmos.h"
#include "cpu/interrupts.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "cpu/report.h"
#include "lib/panic.h"

static struct clock_scale scale; // zero until calibrated, which makes the clock show 0
static uint64_t start_tsc;
static uint64_t tsc_hz;
static uint64_t init_ticks; // spent in clock_init()
static uint64_t boot_unix_seconds;
static const char *reference_name = "none";

// A stated rate is believed, and costs no waiting, whose length is another in every run.
static void find_rates(const struct clock_sources *sources, struct calibration *rates)
{
    uint64_t hz = sources->stated_hz;

    if (hz != 0)
        *rates = (struct calibration){ hz, hz, "command line" };
    else if (!calibrate(sources, rates))
        panic("no usable clock: HPET, ACPI PM timer and PIT are all missing or stopped");
}

void clock_init(const struct clock_sources *sources, uint64_t tsc_at_start)
{
    struct calibration calibration;
    uint64_t begin_tsc = read_tsc();

    interrupts_off();
    find_rates(sources, &calibration);
    interrupts_restore();
    start_tsc = tsc_at_start;
    tsc_hz = calibration.tsc_hz;
    reference_name = calibration.reference_name;
    scale = clock_scale_make(tsc_hz);
    lapic_timer_set_frequency(calibration.lapic_hz, tsc_hz);

    uint64_t unix_seconds = cmos_read_unix_seconds();
    uint64_t since_start = clock_now_ns() / NS_PER_SECOND;
    if (unix_seconds > since_start)
        boot_unix_seconds = unix_seconds - since_start;
    else
        report_line("clock", "the CMOS clock shows no valid date; time starts at 1970");
    init_ticks = read_tsc() - begin_tsc;
}

uint64_t clock_ns_from_tsc(uint64_t tsc_value)
{
    return tsc_value > start_tsc ? clock_scale_ns(&scale, tsc_value - start_tsc) : 0;
}

uint64_t clock_now_ns(void)
{
    return clock_ns_from_tsc(read_tsc());
}

// LFENCE waits for what comes before; RDTSC alone does not (SDM vol. 2B, RDTSC).
uint64_t clock_now_ordered_ns(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return clock_now_ns();
}

uint64_t clock_tsc_from_ns(uint64_t deadline_ns)
{
    uint64_t ticks = clock_scale_ticks(&scale, deadline_ns);

    return ticks > UINT64_MAX - start_tsc ? UINT64_MAX : start_tsc + ticks;
}

uint64_t clock_ticks_to_ns(uint64_t tsc_difference)
{
    return clock_scale_ns(&scale, tsc_difference);
}

uint64_t clock_ns_to_ticks(uint64_t duration_ns)
{
    return clock_scale_ticks(&scale, duration_ns);
}

uint64_t clock_tsc_hz(void)
{
    return tsc_hz;
}

uint64_t clock_init_ns(void)
{
    return clock_ticks_to_ns(init_ticks);
}

uint64_t clock_start_tsc(void)
{
    return start_tsc;
}

uint64_t clock_ns_per_tick_scaled(void)
{
    return scale.ns_per_tick;
}

const char *clock_reference_name(void)
{
    return reference_name;
}

uint64_t clock_boot_unix_seconds(void)
{
    return boot_unix_seconds;
}

// Before calibration: accesses to the POST port take about a microsecond on real buses. An emulator
// may be faster; nobody waits for anything there.
static void spin_uncalibrated(uint64_t duration_ns)
{
    for (uint64_t i = 0; i < duration_ns / 1000 + 1; i++)
        port_write8(0x80, 0);
}

void clock_spin_ns(uint64_t duration_ns)
{
    if (tsc_hz == 0) {
        spin_uncalibrated(duration_ns);
        return;
    }
    uint64_t start = read_tsc();
    uint64_t ticks = clock_ns_to_ticks(duration_ns);
    while (read_tsc() - start < ticks)
        cpu_relax();
}
