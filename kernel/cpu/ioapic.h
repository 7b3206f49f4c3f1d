// I/O APICs: routing of legacy and PCI interrupts to vectors. All lines are masked at the start.
// Callers use one CPU at a time: the register window takes two accesses and has no lock.
#pragma once

#include "lib/types.h"

struct ioapic_description {
    volatile uint32_t *registers; // uncached mapping
    uint32_t first_line;          // global system interrupt base
};

#define IOAPIC_LIMIT 8u

// Registers and masks every line of one I/O APIC.
void ioapic_add(const struct ioapic_description *description);
// Routes a global system interrupt to a vector on one CPU and unmasks it. -ENXIO when no I/O APIC
// has the line.
must_check int ioapic_route(uint32_t line, uint8_t vector, uint32_t apic_id, bool active_low,
                            bool level_triggered);
