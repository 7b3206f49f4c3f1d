// Switching the machine off and restarting it. Called at the end of a shutdown and by panic, so: no
// locks, no memory, interrupts in any state, every wait counted. ACPI 6.4, 4.8.3 (PM1 control,
// reset register), 16.1 (S5).
#include "dev/power.h"

#include "cpu/clock.h"
#include "cpu/registers.h"
#include "cpu/report.h"

#define PM1_SCI_ENABLED (1u << 0)
#define PM1_SLEEP_TYPE_SHIFT 10u
#define PM1_SLEEP_TYPE_MASK (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE (1u << 13)

#define SPACE_IO 1u
#define SPACE_PCI 2u
#define PCI_ADDRESS 0xcf8u
#define PCI_DATA 0xcfcu
#define RESET_CONTROL 0xcf9u
#define KEYBOARD_COMMAND 0x64u
#define KEYBOARD_INPUT_FULL 0x02u
#define KEYBOARD_PULSE_RESET 0xfeu
#define SETTLE_NS 500000000ull
#define POLL_LIMIT 100000u // about 0.1 s on real buses

static struct power_registers registers;

void power_set_registers(const struct power_registers *found)
{
    registers = *found;
}

// The machine needs a moment to act. Ends in any case: clock_spin_ns() counts port accesses while
// the TSC is not calibrated, as in an early panic.
static void wait_a_moment(void)
{
    clock_spin_ns(SETTLE_NS);
}

void power_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" ::: "memory");
}

static void enter_acpi_mode(void)
{
    if (registers.smi_command == 0 || registers.acpi_enable == 0 ||
        (port_read16(registers.pm1a_control) & PM1_SCI_ENABLED))
        return;
    port_write8(registers.smi_command, registers.acpi_enable);
    for (uint32_t i = 0; i < POLL_LIMIT; i++)
        if (port_read16(registers.pm1a_control) & PM1_SCI_ENABLED)
            return;
    report_line("power", "the firmware does not switch to ACPI mode; trying without");
}

static void request_sleep(uint16_t port, uint8_t sleep_type)
{
    uint16_t kept = port_read16(port) & (uint16_t) ~(PM1_SLEEP_TYPE_MASK | PM1_SLEEP_ENABLE);
    uint16_t value = (uint16_t)(kept | (uint16_t)((sleep_type & 7u) << PM1_SLEEP_TYPE_SHIFT));

    port_write16(port, value); // the type first, then type and enable (ACPI 6.4, 16.1.7)
    port_write16(port, value | PM1_SLEEP_ENABLE);
}

void power_off(void)
{
    __asm__ volatile("cli" ::: "memory");
    if (registers.has_sleep_type && registers.pm1a_control != 0) {
        enter_acpi_mode();
        request_sleep(registers.pm1a_control, registers.sleep_type_a);
        if (registers.pm1b_control != 0)
            request_sleep(registers.pm1b_control, registers.sleep_type_b);
        wait_a_moment();
        report_line("power", "ACPI power-off had no effect");
    } else {
        report_line("power", "no ACPI power-off on this machine");
    }
    report_line("power", "halted; it is safe to switch off now");
    power_halt();
}

// A PCI reset register lies on bus 0: device in bits 47:32 of the address, function in 31:16,
// offset in 15:0 (ACPI 6.4, 5.2.3.2).
static void write_pci_register(uint64_t address, uint8_t value)
{
    uint32_t device = (uint32_t)(address >> 32) & 31;
    uint32_t function = (uint32_t)(address >> 16) & 7;
    uint32_t offset = (uint32_t)address & 255;

    port_write32(PCI_ADDRESS, 1u << 31 | device << 11 | function << 8 | (offset & 0xfc));
    port_write8((uint16_t)(PCI_DATA + (offset & 3)), value);
}

static void reset_by_acpi(void)
{
    if (!registers.has_reset) {
        report_line("power", "no ACPI reset register; trying port 0xcf9");
        return;
    }
    if (registers.reset_space == SPACE_IO && registers.reset_address <= UINT16_MAX) {
        port_write8((uint16_t)registers.reset_address, registers.reset_value);
    } else if (registers.reset_space == SPACE_PCI) {
        write_pci_register(registers.reset_address, registers.reset_value);
    } else {
        report_line("power", "ACPI reset register is in address space %u; trying port 0xcf9",
                    registers.reset_space);
        return;
    }
    wait_a_moment();
    report_line("power", "ACPI reset had no effect; trying port 0xcf9");
}

static void reset_by_chipset(void)
{
    port_write8(RESET_CONTROL, 0x02); // hard reset, then trigger it
    port_write8(RESET_CONTROL, 0x06);
    wait_a_moment();
    report_line("power", "port 0xcf9 had no effect; trying the keyboard controller");
}

static void reset_by_keyboard(void)
{
    for (uint32_t i = 0; i < POLL_LIMIT; i++)
        if (!(port_read8(KEYBOARD_COMMAND) & KEYBOARD_INPUT_FULL))
            break;
    port_write8(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
    wait_a_moment();
    report_line("power", "keyboard controller had no effect; trying a triple fault");
}

// With an empty IDT the exception cannot be delivered, nor the double fault about that: the CPU
// shuts down and the chipset resets (SDM vol. 3A, 6.15, double fault).
void power_triple_fault(void)
{
    static const struct packed_struct {
        uint16_t limit;
        uint64_t base;
    } empty_table;

    __asm__ volatile("cli; lidt %0; int3" ::"m"(empty_table) : "memory");
    power_halt();
}

void power_restart(void)
{
    __asm__ volatile("cli" ::: "memory");
    reset_by_acpi();
    reset_by_chipset();
    reset_by_keyboard();
    power_triple_fault();
}
