// ACPI tables, found from the RSDP and checked (signature, length, checksum) before use. Static
// tables only; the one thing read from AML is the \_S5_ package for power-off. Boot CPU, before
// user mode.
#pragma once

#include "boot_info.h"
#include "cpu/clock.h"
#include "lib/types.h"

#define ACPI_CPU_LIMIT 256u
#define ACPI_IOAPIC_LIMIT 8u

struct acpi_cpu {
    uint32_t apic_id;
    bool enabled;
};

struct acpi_ioapic {
    uint64_t address; // physical
    uint32_t first_line;
};

// Where a legacy ISA interrupt really goes.
struct acpi_isa_route {
    uint32_t line;
    bool active_low;
    bool level_triggered;
};

struct acpi_summary {
    uint64_t lapic_address; // physical; 0 when there is no MADT
    bool has_8259;
    struct acpi_cpu cpus[ACPI_CPU_LIMIT];
    uint32_t cpu_count;
    struct acpi_ioapic ioapics[ACPI_IOAPIC_LIMIT];
    uint32_t ioapic_count;
    struct acpi_isa_route isa[16];
    uint64_t hpet_address; // physical; 0 when there is none
    uint16_t pm_timer_port;
    bool pm_timer_is_32_bit;
    bool lacks_i8042; // the firmware denies a PS/2 controller
};

// Reads the tables through the direct map. Missing or broken tables leave their fields zero and are
// reported in the log; nothing here panics.
void acpi_init(const struct boot_info *boot);
extern struct acpi_summary acpi; // read-only after acpi_init()
