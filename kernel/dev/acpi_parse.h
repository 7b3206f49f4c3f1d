// Parsers of single ACPI tables. Pure: they read only the bytes given, whose lengths come from
// acpi.c's checks (and are not believed further than that); host tests and the fuzzer feed them.
#pragma once

#include "dev/acpi.h"
#include "dev/power.h"
#include "lib/string.h"
#include "lib/types.h"

#define ACPI_HEADER_SIZE 36u

// A table, or part of one. Fields beyond the end read as zero, as ACPI wants for older tables.
struct acpi_bytes {
    const uint8_t *data;
    size_t length;
};

static inline uint64_t acpi_field(struct acpi_bytes bytes, size_t offset, size_t size)
{
    uint64_t value = 0;

    if (size <= sizeof(value) && size <= bytes.length && offset <= bytes.length - size)
        memcpy(&value, bytes.data + offset, size);
    return value;
}

// A device's physical address; 0 for one that no page table could hold.
static inline uint64_t acpi_device_address(struct acpi_bytes bytes, size_t offset)
{
    uint64_t address = acpi_field(bytes, offset, 8);

    return address < DIRECT_MAP_SIZE ? address : 0;
}

// True when all bytes add up to zero (ACPI 6.4, 5.2.6).
static inline bool acpi_checksum_holds(struct acpi_bytes bytes)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < bytes.length; i++)
        sum = (uint8_t)(sum + bytes.data[i]);
    return sum == 0;
}

void acpi_parse_madt(struct acpi_bytes table, struct acpi_summary *summary);
void acpi_parse_hpet(struct acpi_bytes table, struct acpi_summary *summary);
// The fixed description: PM timer, and what power.h needs but the sleep type.
void acpi_parse_fadt(struct acpi_bytes table, struct acpi_summary *summary,
                     struct power_registers *power);
// Physical address of the DSDT; 0 when there is none.
uint64_t acpi_fadt_dsdt(struct acpi_bytes table);
// Looks for the \_S5_ package in AML byte code. False when there is none that makes sense.
bool acpi_find_sleep_type(struct acpi_bytes aml, struct power_registers *power);
