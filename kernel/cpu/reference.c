// Starts and reads the reference clocks. Called by calibrate.c on the boot CPU, interrupts off. A
// clock that does not count within a bounded number of reads is reported and not used. IA-PC HPET
// 1.0a, 2.3; ACPI 6.4, 4.8.3.3; Intel 8254 data sheet.
#include "cpu/reference.h"

#include "cpu/registers.h"
#include "cpu/report.h"

#define COUNTING_READ_LIMIT 20000u // 100 us and more on anything known; the PIT ticks every 0.84 us

#define HPET_PERIOD 0x004u // upper half of the capabilities
#define HPET_CONFIGURATION 0x010u
#define HPET_COUNTER 0x0f0u
#define HPET_ENABLE 1u
#define HPET_PERIOD_LIMIT_FS 100000000u // the specification's slowest: 100 ns

#define PM_TIMER_PERIOD_FS 279365115ull // 3.579545 MHz
#define PIT_PERIOD_FS 838095345ull      // 1.193182 MHz

#define PIT_COMMAND 0x43u
#define PIT_CHANNEL_2 0x42u
#define PIT_GATE 0x61u
#define PIT_GATE_ON 1u
#define PIT_SPEAKER_ON 2u
#define PIT_MODE_2_BOTH_BYTES 0xb4u // channel 2, low byte then high byte, rate generator
#define PIT_LATCH_CHANNEL_2 0x80u

static uint32_t read_hpet(const struct reference_clock *clock)
{
    return device_read32((volatile uint8_t *)clock->registers + HPET_COUNTER);
}

static uint32_t read_pm_timer(const struct reference_clock *clock)
{
    return port_read32(clock->port);
}

// The channel counts down; latched so that both bytes belong together.
static uint32_t read_pit(const struct reference_clock *clock)
{
    (void)clock;
    port_write8(PIT_COMMAND, PIT_LATCH_CHANNEL_2);
    uint32_t low = port_read8(PIT_CHANNEL_2);
    uint32_t high = port_read8(PIT_CHANNEL_2);

    return 0u - (high << 8 | low);
}

static bool start_hpet(const struct clock_sources *sources, struct reference_clock *clock)
{
    volatile uint8_t *registers = sources->hpet;

    if (!registers)
        return false;
    uint32_t period_fs = device_read32(registers + HPET_PERIOD);
    if (period_fs == 0 || period_fs > HPET_PERIOD_LIMIT_FS) {
        report_line("clock", "HPET names an impossible period (%u fs); not used", period_fs);
        return false;
    }
    device_write32(registers + HPET_CONFIGURATION,
                   device_read32(registers + HPET_CONFIGURATION) | HPET_ENABLE);
    *clock = (struct reference_clock){
        .name = "HPET",
        .read = read_hpet,
        .mask = UINT32_MAX, // the low half is enough for a millisecond, and always there
        .period_fs = period_fs,
        .registers = registers,
    };
    return true;
}

static bool start_pm_timer(const struct clock_sources *sources, struct reference_clock *clock)
{
    if (sources->pm_timer_port == 0)
        return false;
    *clock = (struct reference_clock){
        .name = "ACPI PM timer",
        .read = read_pm_timer,
        .mask = sources->pm_timer_is_32_bit ? UINT32_MAX : 0xffffff,
        .period_fs = PM_TIMER_PERIOD_FS,
        .port = sources->pm_timer_port,
    };
    return true;
}

// Channel 2 is the speaker's: its gate is opened, the speaker stays silent, and it counts through
// all 65536 values for ever.
static bool start_pit(const struct clock_sources *sources, struct reference_clock *clock)
{
    if (!sources->has_pit)
        return false;
    port_write8(PIT_GATE, (uint8_t)((port_read8(PIT_GATE) & ~PIT_SPEAKER_ON) | PIT_GATE_ON));
    port_write8(PIT_COMMAND, PIT_MODE_2_BOTH_BYTES);
    port_write8(PIT_CHANNEL_2, 0);
    port_write8(PIT_CHANNEL_2, 0);
    *clock = (struct reference_clock){
        .name = "PIT",
        .read = read_pit,
        .mask = 0xffff,
        .period_fs = PIT_PERIOD_FS,
    };
    return true;
}

static bool is_counting(const struct reference_clock *clock)
{
    uint32_t first = clock->read(clock) & clock->mask;

    for (uint32_t i = 0; i < COUNTING_READ_LIMIT; i++)
        if ((clock->read(clock) & clock->mask) != first)
            return true;
    report_line("clock", "%s stands still; not used", clock->name);
    return false;
}

size_t reference_clocks_find(const struct clock_sources *sources,
                             struct reference_clock clocks[REFERENCE_LIMIT])
{
    static bool (*const starters[REFERENCE_LIMIT])(const struct clock_sources *,
                                                   struct reference_clock *) = {
        start_hpet,
        start_pm_timer,
        start_pit,
    };
    size_t count = 0;

    for (size_t i = 0; i < REFERENCE_LIMIT; i++)
        if (starters[i](sources, &clocks[count]) && is_counting(&clocks[count]))
            count++;
    return count;
}
