// The machine of clocks. Each access moves the time on by what it takes, and every counter is
// computed from the time; an access that no real machine would survive ends the case.
#include "clock_fixture.h"

#include <string.h>

#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "cpu/report.h"
#include "stubs.h"
#include "test.h"

#define FS_PER_SECOND 1000000000000000ull
#define HPET_REGISTERS 0x1000u
#define APIC_BASE_ENABLE (1ull << 11)
#define APIC_BASE_X2APIC (1ull << 10)
#define X2APIC_LVT_TIMER 0x832u
#define X2APIC_TIMER_INITIAL 0x838u
#define X2APIC_TIMER_CURRENT 0x839u

struct fake_clocks fake_clocks;
static uint8_t hpet_registers[HPET_REGISTERS];
static uint32_t hpet_configuration, lapic_initial;
static uint16_t pit_latched;
static bool pit_is_latched, pit_second_byte;
static uint8_t pit_command;
static char last_report[200];
static uint32_t report_count;

static void move_clock(struct fake_clock *clock, uint64_t passed_fs)
{
    uint64_t now = fake_clocks.now_fs;

    if (!clock->runs || now >= clock->stops_at_fs)
        return;
    clock->elapsed_fs += passed_fs;
    if (now < clock->fast_until_fs) // passed times are small enough for the product
        clock->elapsed_fs += (uint64_t)((int64_t)passed_fs * clock->fast_ppm / 1000000);
}

static void pass(uint64_t passed_fs)
{
    static uint32_t count;

    if (fake_clocks.pause_every != 0 && ++count % fake_clocks.pause_every == 0)
        passed_fs += fake_clocks.pause_fs;
    move_clock(&fake_clocks.tsc, passed_fs);
    move_clock(&fake_clocks.lapic, passed_fs);
    move_clock(&fake_clocks.hpet, passed_fs);
    move_clock(&fake_clocks.pm_timer, passed_fs);
    move_clock(&fake_clocks.pit, passed_fs);
    fake_clocks.now_fs += passed_fs;
}

// Half of the access passes before the counter is read.
static uint64_t read_clock(struct fake_clock *clock)
{
    pass(clock->access_fs / 2);
    uint64_t count = clock->first + clock->elapsed_fs / clock->period_fs;
    pass(clock->access_fs - clock->access_fs / 2);
    return count;
}

static uint64_t read_tsc_clock(void)
{
    return read_clock(&fake_clocks.tsc);
}

static uint32_t read_hpet(const volatile void *address)
{
    uint64_t offset = (uint64_t)((const volatile uint8_t *)address - hpet_registers);

    if (offset == 0x004)
        return fake_clocks.hpet_period_fs;
    if (offset == 0x010)
        return hpet_configuration;
    CHECK_EQUAL(offset, 0x0f0);
    fake_clocks.hpet_reads++;
    return (uint32_t)read_clock(&fake_clocks.hpet);
}

static void write_hpet(volatile void *address, uint32_t value)
{
    CHECK_EQUAL((volatile uint8_t *)address - hpet_registers, 0x010);
    CHECK_EQUAL(value & ~1u, hpet_configuration & ~1u); // the firmware's other bits are kept
    hpet_configuration = value;
    fake_clocks.hpet.runs = (value & 1) != 0;
}

static uint32_t read_pm_timer(uint16_t port)
{
    CHECK_EQUAL(port, PM_TIMER_PORT);
    fake_clocks.pm_timer_reads++;
    return (uint32_t)read_clock(&fake_clocks.pm_timer) & fake_clocks.pm_timer_mask;
}

// Channel 2: with the gate open, once its two bytes of reload value have come, it counts down.
static void write_port(uint16_t port, uint8_t value)
{
    pass(fake_clocks.pit.access_fs);
    if (port == 0x61) {
        fake_clocks.port_61 = value;
    } else if (port == 0x43 && value == 0x80) {
        pit_latched = (uint16_t)(0 - fake_clocks.pit.elapsed_fs / fake_clocks.pit.period_fs);
        pit_is_latched = true;
    } else if (port == 0x43) {
        pit_command = value;
        pit_second_byte = false;
    } else if (port == 0x42) {
        CHECK_EQUAL(pit_command, 0xb4);
        CHECK_EQUAL(value, 0);
        fake_clocks.pit.runs = pit_second_byte && (fake_clocks.port_61 & 1) != 0;
        pit_second_byte = !pit_second_byte;
    }
}

static uint8_t read_port(uint16_t port)
{
    pass(fake_clocks.pit.access_fs);
    if (port == 0x61)
        return fake_clocks.port_61;
    CHECK_EQUAL(port, 0x42);
    CHECK(pit_is_latched); // or its two bytes would be of two counts
    fake_clocks.pit_reads++;
    uint8_t byte = (uint8_t)(pit_second_byte ? pit_latched >> 8 : pit_latched);
    pit_is_latched = !pit_second_byte;
    pit_second_byte = !pit_second_byte;
    return byte;
}

static uint64_t read_fake_msr(uint32_t number)
{
    if (number == MSR_APIC_BASE)
        return fake_clocks.apic_base;
    CHECK((fake_clocks.apic_base & APIC_BASE_X2APIC) != 0); // else #GP
    if (number != X2APIC_TIMER_CURRENT)
        return 0;
    uint64_t elapsed = read_clock(&fake_clocks.lapic);
    return elapsed < lapic_initial ? lapic_initial - elapsed : 0;
}

static void write_fake_msr(uint32_t number, uint64_t value)
{
    if (number == X2APIC_TIMER_INITIAL) {
        lapic_initial = (uint32_t)value;
        fake_clocks.lapic.elapsed_fs = 0;
    }
}

static void keep_report(const char *area, const char *text)
{
    CHECK_TEXT(area, "clock");
    memcpy(last_report, text, strlen(text) + 1);
    report_count++;
}

static struct fake_clock clock_make(uint64_t period_fs, uint64_t access_ns)
{
    return (struct fake_clock){ .period_fs = period_fs,
                                .fast_until_fs = UINT64_MAX,
                                .stops_at_fs = UINT64_MAX,
                                .access_fs = access_ns * 1000000 };
}

void fake_clocks_start(struct clock_sources *sources, uint64_t tsc_hz, uint64_t lapic_hz)
{
    fake_clocks = (struct fake_clocks){
        .tsc = clock_make(FS_PER_SECOND / tsc_hz, 10),
        .lapic = clock_make(lapic_hz != 0 ? FS_PER_SECOND / lapic_hz : 1, 50),
        .hpet = clock_make(69841279, 500),
        .pm_timer = clock_make(279365115, 700),
        .pit = clock_make(838095345, 300),
        .pm_timer_mask = 0xffffff,
        .hpet_period_fs = 69841279,
        .apic_base = 0xfee00000 | APIC_BASE_ENABLE | APIC_BASE_X2APIC,
        .port_61 = 0x0e,
    };
    fake_clocks.tsc.runs = fake_clocks.pm_timer.runs = true;
    fake_clocks.lapic.runs = lapic_hz != 0;
    fake_tsc = read_tsc_clock;
    fake_device.read32 = read_hpet;
    fake_device.write32 = write_hpet;
    fake_ports.read = read_port;
    fake_ports.write = write_port;
    fake_ports.read32 = read_pm_timer;
    fake_msrs.read = read_fake_msr;
    fake_msrs.write = write_fake_msr;
    report_to(keep_report);
    lapic_init(NULL);
    *sources = (struct clock_sources){ .hpet = hpet_registers,
                                       .pm_timer_port = PM_TIMER_PORT,
                                       .has_pit = true };
    hpet_configuration = 1u << 1; // legacy routes, as firmware may leave them
}

const char *fake_clocks_last_report(void)
{
    return last_report;
}

uint32_t fake_clocks_report_count(void)
{
    return report_count;
}
