// Power-off and restart. Each tries the next way when one does not work, and says so. Never return.
#pragma once

#include "lib/types.h"

// What acpi_init() found out for us.
struct power_registers {
    uint16_t pm1a_control, pm1b_control; // I/O ports; 0 when absent
    uint8_t sleep_type_a, sleep_type_b;
    bool has_sleep_type;
    uint16_t smi_command; // I/O port that switches to ACPI mode; 0 when always in it
    uint8_t acpi_enable;  // what to write there
    uint8_t reset_space;  // ACPI address space id; 1 is I/O, 2 PCI configuration
    uint64_t reset_address;
    uint8_t reset_value;
    bool has_reset;
};

void power_set_registers(const struct power_registers *registers);
noreturn_function void power_off(void);
// ACPI reset register, port 0xcf9, keyboard controller, triple fault.
noreturn_function void power_restart(void);
// The last of those alone: nothing of the machine's state is relied on.
noreturn_function void power_triple_fault(void);
noreturn_function void power_halt(void);
