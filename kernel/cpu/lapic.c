// This CPU's local APIC, by MMIO (xAPIC) or by MSR (x2APIC): the mode that the firmware chose is
// kept, since x2APIC cannot go straight back to xAPIC. Owns the timer, which is one-shot or, where
// the CPU has it, TSC-deadline. Invariant: a deadline once armed is never lost, only early: counts
// are never 0, which would stop the timer. SDM vol. 3A, chapter 11.
#include "cpu/lapic.h"

#include "cpu/clock_scale.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"

#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLE (1ull << 11)

// Offsets in the xAPIC page; shifted right by 4 they are the x2APIC MSR numbers.
#define LAPIC_ID 0x020u
#define LAPIC_VERSION 0x030u
#define LAPIC_TASK_PRIORITY 0x080u
#define LAPIC_END_OF_INTERRUPT 0x0b0u
#define LAPIC_SPURIOUS 0x0f0u
#define LAPIC_IN_SERVICE 0x100u // eight registers
#define LAPIC_ERROR_STATUS 0x280u
#define LAPIC_COMMAND 0x300u      // low half; with x2APIC the whole
#define LAPIC_COMMAND_HIGH 0x310u // target, xAPIC only
#define LAPIC_LVT_TIMER 0x320u
#define LAPIC_LVT_THERMAL 0x330u
#define LAPIC_LVT_PERFORMANCE 0x340u
#define LAPIC_LVT_LINT0 0x350u
#define LAPIC_LVT_LINT1 0x360u
#define LAPIC_LVT_ERROR 0x370u
#define LAPIC_TIMER_INITIAL 0x380u
#define LAPIC_TIMER_CURRENT 0x390u
#define LAPIC_TIMER_DIVIDE 0x3e0u

#define SPURIOUS_ENABLE (1u << 8)
#define LVT_MASKED (1u << 16)
#define LVT_TSC_DEADLINE (2u << 17)
#define LVT_DELIVER_NMI (4u << 8)
#define LVT_OFF (LVT_MASKED | VECTOR_SPURIOUS) // vectors below 16 are illegal even when masked
#define DIVIDE_BY_1 0x0bu

#define COMMAND_NMI (4u << 8)
#define COMMAND_INIT (5u << 8)
#define COMMAND_START_UP (6u << 8)
#define COMMAND_PENDING (1u << 12) // xAPIC: not delivered yet
#define COMMAND_ASSERT (1u << 14)

static volatile uint32_t *lapic_registers;
static bool x2apic;
static bool tsc_deadline;
static uint64_t counts_per_tick; // timer counts per TSC tick, << CLOCK_SCALE_SHIFT
static uint64_t longest_ticks;   // the 32-bit counter goes no further

static uint32_t read_register(uint32_t offset)
{
    if (x2apic)
        return (uint32_t)read_msr(MSR_X2APIC_BASE + (offset >> 4));
    return lapic_registers[offset / 4];
}

static void write_register(uint32_t offset, uint32_t value)
{
    if (x2apic)
        write_msr(MSR_X2APIC_BASE + (offset >> 4), value);
    else
        lapic_registers[offset / 4] = value;
}

// The two 8259s are remapped first, so that a spurious interrupt of theirs cannot look like an
// exception, and then masked: vectors 0xf0 to 0xff. Where there are none, nobody hears it.
static void mask_8259s(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } steps[] = {
        { 0x20, 0x11 }, { 0xa0, 0x11 }, // initialise, fourth word follows
        { 0x21, 0xf0 }, { 0xa1, 0xf8 }, // first vector
        { 0x21, 0x04 }, { 0xa1, 0x02 }, // the slave hangs on line 2
        { 0x21, 0x01 }, { 0xa1, 0x01 }, // 8086 mode
        { 0x21, 0xff }, { 0xa1, 0xff }, // everything masked
    };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        port_write8(steps[i].port, steps[i].value);
        port_write8(0x80, 0); // old ones want a pause between writes
    }
}

static void set_local_vectors(void)
{
    uint32_t highest = read_register(LAPIC_VERSION) >> 16 & 255;

    write_register(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_LAPIC_TIMER);
    write_register(LAPIC_LVT_LINT0, LVT_OFF);
    write_register(LAPIC_LVT_LINT1, LVT_DELIVER_NMI); // the PC's NMI wire
    if (highest >= 4)
        write_register(LAPIC_LVT_PERFORMANCE, LVT_OFF);
    if (highest >= 5)
        write_register(LAPIC_LVT_THERMAL, LVT_OFF);
    lapic_read_errors(); // forget the firmware's
    write_register(LAPIC_LVT_ERROR, VECTOR_LAPIC_ERROR);
}

// The firmware may have handed over inside one of its own interrupts: what it left in service would
// hold back every vector of lower priority for ever.
static void finish_firmware_interrupts(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t in_service = read_register(LAPIC_IN_SERVICE + 16 * i);
        for (; in_service != 0; in_service &= in_service - 1)
            lapic_end_of_interrupt();
    }
}

void lapic_init(volatile void *registers)
{
    uint64_t base = read_msr(MSR_APIC_BASE);

    mask_8259s();
    x2apic = (base & APIC_BASE_ENABLE) && (base & APIC_BASE_X2APIC);
    lapic_registers = registers;
    tsc_deadline = cpu_features.tsc_deadline;
    lapic_init_cpu();
}

// All CPUs in the boot CPU's mode. From x2APIC the way back leads through "disabled", and the way
// to it through xAPIC (SDM vol. 3A, figure 11-27).
static void set_mode(void)
{
    uint64_t base = read_msr(MSR_APIC_BASE);
    uint64_t off = base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    uint64_t wanted = off | APIC_BASE_ENABLE | (x2apic ? APIC_BASE_X2APIC : 0);

    if (base == wanted)
        return;
    if ((base & APIC_BASE_X2APIC) != 0)
        write_msr(MSR_APIC_BASE, off);
    write_msr(MSR_APIC_BASE, off | APIC_BASE_ENABLE);
    write_msr(MSR_APIC_BASE, wanted);
}

// In xAPIC mode the LVT write is a store to memory: without the fence the first deadline could
// overtake it and be dropped (SDM vol. 3A, 11.5.4.1).
static void set_timer_mode(void)
{
    write_register(LAPIC_LVT_TIMER, VECTOR_LAPIC_TIMER | (tsc_deadline ? LVT_TSC_DEADLINE : 0));
    __asm__ volatile("mfence" ::: "memory");
}

void lapic_init_cpu(void)
{
    set_mode();
    write_register(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    write_register(LAPIC_TASK_PRIORITY, 0);
    set_local_vectors();
    finish_firmware_interrupts();
    write_register(LAPIC_TIMER_DIVIDE, DIVIDE_BY_1);
    write_register(LAPIC_TIMER_INITIAL, 0);
    if (counts_per_tick != 0)
        set_timer_mode();
}

void lapic_end_of_interrupt(void)
{
    write_register(LAPIC_END_OF_INTERRUPT, 0);
}

void lapic_timer_start_counting(void)
{
    write_register(LAPIC_LVT_TIMER, LVT_MASKED | VECTOR_LAPIC_TIMER);
    write_register(LAPIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t lapic_timer_elapsed(void)
{
    return UINT32_MAX - read_register(LAPIC_TIMER_CURRENT);
}

// Ends the counting and gives the timer the mode it keeps.
void lapic_timer_set_frequency(uint64_t counts_per_second, uint64_t tsc_hz)
{
    counts_per_tick = clock_multiply_divide(counts_per_second, CLOCK_SCALE_ONE, tsc_hz);
    longest_ticks = clock_multiply_divide(UINT32_MAX / 2, tsc_hz, counts_per_second);
    write_register(LAPIC_TIMER_INITIAL, 0);
    set_timer_mode();
}

// Counts for the one-shot timer, rounded up; a deadline that has passed gets 1, which fires at
// once.
static uint32_t count_until(uint64_t deadline_tsc)
{
    uint64_t now = read_tsc();

    if (deadline_tsc <= now)
        return 1;
    uint64_t ticks = min_of(deadline_tsc - now, longest_ticks);
    return (uint32_t)((unsigned __int128)ticks * counts_per_tick >> CLOCK_SCALE_SHIFT) + 1;
}

void lapic_timer_arm(uint64_t deadline_tsc)
{
    if (tsc_deadline)
        write_msr(MSR_TSC_DEADLINE, max_of(deadline_tsc, 1ull)); // in the past: fires at once
    else
        write_register(LAPIC_TIMER_INITIAL, count_until(deadline_tsc));
}

void lapic_timer_stop(void)
{
    if (tsc_deadline)
        write_msr(MSR_TSC_DEADLINE, 0);
    else
        write_register(LAPIC_TIMER_INITIAL, 0);
}

bool lapic_timer_uses_tsc_deadline(void)
{
    return tsc_deadline;
}

uint32_t lapic_id(void)
{
    uint32_t id = read_register(LAPIC_ID);

    return x2apic ? id : id >> 24;
}

// The register shows what was collected until the last write to it (SDM vol. 3A, 11.5.3).
uint32_t lapic_read_errors(void)
{
    write_register(LAPIC_ERROR_STATUS, 0);
    return read_register(LAPIC_ERROR_STATUS);
}

// xAPIC: the low half starts the delivery, and must not be written while one is pending. An NMI
// handler that sends between the two writes would change the target: NMI handlers do not send, but
// for the panic, which never comes back.
// x2APIC: the write is not serialising, so a fence makes what was stored before visible first (SDM
// vol. 3A, 11.12.3).
static void send_command(uint32_t apic_id, uint32_t command)
{
    if (x2apic) {
        __asm__ volatile("mfence; lfence" ::: "memory");
        write_msr(MSR_X2APIC_BASE + (LAPIC_COMMAND >> 4), (uint64_t)apic_id << 32 | command);
        return;
    }
    while (read_register(LAPIC_COMMAND) & COMMAND_PENDING)
        cpu_relax();
    write_register(LAPIC_COMMAND_HIGH, apic_id << 24);
    write_register(LAPIC_COMMAND, command);
}

void lapic_send(uint32_t apic_id, uint8_t vector)
{
    send_command(apic_id, COMMAND_ASSERT | vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
    send_command(apic_id, COMMAND_ASSERT | COMMAND_NMI);
}

void lapic_send_init(uint32_t apic_id)
{
    send_command(apic_id, COMMAND_ASSERT | COMMAND_INIT);
}

void lapic_send_startup(uint32_t apic_id, uint64_t page)
{
    send_command(apic_id, COMMAND_ASSERT | COMMAND_START_UP | (uint32_t)(page >> 12));
}

uint32_t lapic_highest_id(void)
{
    return x2apic ? UINT32_MAX - 1 : 254;
}
