// The local APIC in both modes: changes of mode that the processor would refuse, targets and
// registers of what is sent, deadlines by TSC and by counting, none of them late or lost.
#include <string.h>

#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "stubs.h"
#include "test.h"

#define BASE 0xfee00000ull
#define ENABLE (1ull << 11)
#define X2APIC (1ull << 10)
#define TSC_DEADLINE_MODE (2u << 17)
#define MASKED (1u << 16)

#define LVT_TIMER 0x32u // as an x2APIC MSR; a page's register lies at 16 times that
#define INITIAL_COUNT 0x38u
#define CURRENT_COUNT 0x39u
#define COMMAND 0x30u
#define COMMAND_HIGH 0x31u

static volatile uint32_t page[1024] __attribute__((aligned(4096)));
static uint64_t x2apic_registers[64];
static uint64_t base, deadline, tsc;
static uint64_t base_writes[4];
static size_t base_write_count;

static bool is_x2apic(uint64_t value)
{
    return (value & (ENABLE | X2APIC)) == (ENABLE | X2APIC);
}

static uint64_t read_fake_msr(uint32_t number)
{
    if (number == MSR_APIC_BASE)
        return base;
    CHECK(is_x2apic(base) && number >= MSR_X2APIC_BASE && number < MSR_X2APIC_BASE + 64);
    return x2apic_registers[number - MSR_X2APIC_BASE];
}

// SDM vol. 3A, figure 11-27: what is not drawn there is a #GP.
static void change_mode(uint64_t value)
{
    bool from_x2apic = is_x2apic(base), to_x2apic = is_x2apic(value);

    CHECK((value & X2APIC) == 0 || to_x2apic);
    CHECK(!(from_x2apic && (value & ENABLE) != 0 && !to_x2apic));
    CHECK(!((base & ENABLE) == 0 && to_x2apic));
    CHECK_EQUAL(value & ~(ENABLE | X2APIC), base & ~(ENABLE | X2APIC));
    CHECK(base_write_count < ARRAY_SIZE(base_writes));
    base_writes[base_write_count++] = value;
    base = value;
}

static void write_fake_msr(uint32_t number, uint64_t value)
{
    if (number == MSR_APIC_BASE) {
        change_mode(value);
    } else if (number == MSR_TSC_DEADLINE) {
        CHECK(cpu_features.tsc_deadline);
        deadline = value;
    } else {
        CHECK(is_x2apic(base) && number >= MSR_X2APIC_BASE && number < MSR_X2APIC_BASE + 64);
        CHECK(number != MSR_X2APIC_BASE + COMMAND_HIGH); // x2APIC has none
        CHECK(number == MSR_X2APIC_BASE + COMMAND || value <= UINT32_MAX);
        x2apic_registers[number - MSR_X2APIC_BASE] = value;
    }
}

static uint64_t read_fake_tsc(void)
{
    return tsc;
}

static uint32_t register_of(uint32_t number)
{
    return is_x2apic(base) ? (uint32_t)x2apic_registers[number] : page[number * 4];
}

static void start(uint64_t mode, bool has_tsc_deadline)
{
    fake_msrs = (struct fake_msrs){ read_fake_msr, write_fake_msr };
    fake_tsc = read_fake_tsc;
    base = BASE | mode;
    base_write_count = 0;
    cpu_features.tsc_deadline = has_tsc_deadline;
    for (size_t i = 0; i < ARRAY_SIZE(page); i++)
        page[i] = 0;
    memset(x2apic_registers, 0, sizeof(x2apic_registers));
    lapic_init(page);
}

static void check_base_writes(const uint64_t *expected, size_t count)
{
    CHECK_EQUAL(base_write_count, count);
    for (size_t i = 0; i < count; i++)
        CHECK_EQUAL(base_writes[i], BASE | expected[i]);
}

// A further CPU comes out of reset in xAPIC mode, whatever the boot CPU's; or as firmware left it.
static void join(uint64_t mode)
{
    base = BASE | mode;
    base_write_count = 0;
    lapic_init_cpu();
}

TEST(lapic_modes)
{
    start(ENABLE | X2APIC, false);
    check_base_writes(NULL, 0); // the firmware's choice is kept
    join(ENABLE);
    check_base_writes((uint64_t[]){ ENABLE, ENABLE | X2APIC }, 2);
    join(0);
    check_base_writes((uint64_t[]){ ENABLE, ENABLE | X2APIC }, 2);
    join(ENABLE | X2APIC);
    check_base_writes(NULL, 0);
    start(ENABLE, false);
    check_base_writes(NULL, 0);
    join(ENABLE | X2APIC);
    check_base_writes((uint64_t[]){ 0, ENABLE, ENABLE }, 3);
    start(0, false);
    CHECK_EQUAL(base, BASE | ENABLE);
}

TEST(lapic_ids_and_what_is_sent)
{
    start(ENABLE | X2APIC, false);
    x2apic_registers[2] = 0x12345;
    CHECK_EQUAL(lapic_id(), 0x12345);
    CHECK_EQUAL(lapic_highest_id(), UINT32_MAX - 1);
    lapic_send(0x12345, VECTOR_CALL);
    CHECK_EQUAL(x2apic_registers[COMMAND], 0x1234500004000ull | VECTOR_CALL);
    lapic_send_nmi(300);
    CHECK_EQUAL(x2apic_registers[COMMAND], 300ull << 32 | 0x4400);
    lapic_send_init(300);
    CHECK_EQUAL(x2apic_registers[COMMAND], 300ull << 32 | 0x4500);
    lapic_send_startup(300, 0x9b000);
    CHECK_EQUAL(x2apic_registers[COMMAND], 300ull << 32 | 0x469b);
    start(ENABLE, false);
    page[2 * 4] = 0x12000000;
    CHECK_EQUAL(lapic_id(), 0x12);
    CHECK_EQUAL(lapic_highest_id(), 254);
    lapic_send(0xfe, VECTOR_RESCHEDULE);
    CHECK_EQUAL(page[COMMAND_HIGH * 4], 0xfe000000);
    CHECK_EQUAL(page[COMMAND * 4], 0x4000 | VECTOR_RESCHEDULE);
}

static void check_tsc_deadline(uint64_t mode)
{
    start(mode, true);
    CHECK(lapic_timer_uses_tsc_deadline());
    lapic_timer_start_counting(); // to be measured it counts, silently
    CHECK_EQUAL(register_of(LVT_TIMER), MASKED | VECTOR_LAPIC_TIMER);
    CHECK_EQUAL(register_of(INITIAL_COUNT), UINT32_MAX);
    lapic_timer_set_frequency(100000000, 3000000000);
    CHECK_EQUAL(register_of(LVT_TIMER), TSC_DEADLINE_MODE | VECTOR_LAPIC_TIMER);
    CHECK_EQUAL(register_of(INITIAL_COUNT), 0);
    tsc = 1000000;
    lapic_timer_arm(999); // has passed: the processor compares
    CHECK_EQUAL(deadline, 999);
    lapic_timer_arm(0); // would disarm
    CHECK_EQUAL(deadline, 1);
    lapic_timer_arm(UINT64_MAX);
    CHECK_EQUAL(deadline, UINT64_MAX);
    lapic_timer_stop();
    CHECK_EQUAL(deadline, 0);
    CHECK_EQUAL(register_of(INITIAL_COUNT), 0);
    join(mode);
    CHECK_EQUAL(register_of(LVT_TIMER), TSC_DEADLINE_MODE | VECTOR_LAPIC_TIMER);
}

TEST(lapic_tsc_deadlines)
{
    check_tsc_deadline(ENABLE | X2APIC);
    check_tsc_deadline(ENABLE);
}

// In one-shot mode the count must last at least to the deadline, and not much longer.
static void check_one_shot(uint64_t mode, uint64_t lapic_hz, uint64_t tsc_hz)
{
    uint64_t longest = UINT32_MAX / 2, step = lapic_hz / tsc_hz + 2; // a tick, and rounding

    start(mode, false);
    lapic_timer_set_frequency(lapic_hz, tsc_hz);
    CHECK_EQUAL(register_of(LVT_TIMER), VECTOR_LAPIC_TIMER);
    tsc = 5000000000;
    lapic_timer_arm(tsc);
    CHECK_EQUAL(register_of(INITIAL_COUNT), 1);
    lapic_timer_arm(0);
    CHECK_EQUAL(register_of(INITIAL_COUNT), 1); // 0 would stop it
    for (int i = 0; i < 1000; i++) {
        uint64_t ticks = random_number() >> (30 + random_below(33));
        lapic_timer_arm(tsc + ticks);
        uint64_t count = register_of(INITIAL_COUNT);
        unsigned __int128 exact = (unsigned __int128)ticks * lapic_hz / tsc_hz;
        CHECK(count > 0);
        if (exact + step < longest)
            CHECK(count >= exact && count <= exact + 1);
        else // too far: early, and armed again then
            CHECK(count + step >= longest && count <= longest + 1);
    }
    lapic_timer_arm(UINT64_MAX);
    CHECK(register_of(INITIAL_COUNT) + step >= longest);
    lapic_timer_stop();
    CHECK_EQUAL(register_of(INITIAL_COUNT), 0);
}

TEST(lapic_one_shot_counts)
{
    check_one_shot(ENABLE | X2APIC, 100000000, 3000000000);
    check_one_shot(ENABLE, 1000000000, 1000000000);
    check_one_shot(ENABLE, 24000000, 5100000000);
    check_one_shot(ENABLE, 1000000000, 100000000);
}

TEST(lapic_elapsed)
{
    start(ENABLE | X2APIC, false);
    lapic_timer_start_counting();
    x2apic_registers[CURRENT_COUNT] = UINT32_MAX - 77;
    CHECK_EQUAL(lapic_timer_elapsed(), 77);
}
