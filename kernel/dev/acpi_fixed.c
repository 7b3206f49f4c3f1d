// The tables with fixed fields: FADT and HPET, and the one thing wanted from AML, the \_S5_
// package. Called by acpi_init(). Invariant: every read is bounded by the length given.
// ACPI 6.4, 5.2.9; IA-PC HPET 1.0a, 3.2.4; ACPI 6.4, 20.2 (AML grammar).
#include "dev/acpi_parse.h"

#define SPACE_MEMORY 0u
#define SPACE_IO 1u

#define FADT_TIMER_32_BIT (1u << 8)
#define FADT_RESET_SUPPORTED (1u << 10)
#define FADT_HARDWARE_REDUCED (1u << 20) // no PM registers: their fields mean nothing
#define FADT_TIMER_LENGTH 4u

#define FADT_REVISION_2_0 3u // ACPI 2.0's; boot flags mean nothing in older tables
#define FADT_BOOT_8042 (1u << 1)

#define AML_ZERO 0x00u
#define AML_ONE 0x01u
#define AML_NAME 0x08u
#define AML_BYTE 0x0au
#define AML_WORD 0x0bu
#define AML_DWORD 0x0cu
#define AML_PACKAGE 0x12u
#define AML_ONES 0xffu

// A port from an extended address structure where it names one, else from the old 32-bit field.
static uint16_t read_port(struct acpi_bytes fadt, size_t extended_offset, size_t old_offset)
{
    uint64_t extended = acpi_field(fadt, extended_offset + 4, 8);
    uint64_t port = acpi_field(fadt, old_offset, 4);

    if (extended != 0 && acpi_field(fadt, extended_offset, 1) == SPACE_IO)
        port = extended;
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void parse_pm_registers(struct acpi_bytes table, struct acpi_summary *summary,
                               struct power_registers *power)
{
    uint64_t smi_command = acpi_field(table, 48, 4);

    if (acpi_field(table, 91, 1) == FADT_TIMER_LENGTH)
        summary->pm_timer_port = read_port(table, 208, 76);
    power->pm1a_control = read_port(table, 172, 64);
    power->pm1b_control = read_port(table, 184, 68);
    power->smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
    power->acpi_enable = (uint8_t)acpi_field(table, 52, 1);
}

void acpi_parse_fadt(struct acpi_bytes table, struct acpi_summary *summary,
                     struct power_registers *power)
{
    uint64_t flags = acpi_field(table, 112, 4);
    uint64_t boot_flags = acpi_field(table, 109, 2);

    summary->lacks_i8042 =
        acpi_field(table, 8, 1) >= FADT_REVISION_2_0 && !(boot_flags & FADT_BOOT_8042);
    if (!(flags & FADT_HARDWARE_REDUCED))
        parse_pm_registers(table, summary, power);
    summary->pm_timer_is_32_bit = (flags & FADT_TIMER_32_BIT) != 0;
    power->reset_space = (uint8_t)acpi_field(table, 116, 1);
    power->reset_address = acpi_field(table, 120, 8);
    power->reset_value = (uint8_t)acpi_field(table, 128, 1);
    power->has_reset = (flags & FADT_RESET_SUPPORTED) && power->reset_address != 0;
}

uint64_t acpi_fadt_dsdt(struct acpi_bytes table)
{
    uint64_t extended = acpi_field(table, 140, 8);

    return extended != 0 ? extended : acpi_field(table, 40, 4);
}

void acpi_parse_hpet(struct acpi_bytes table, struct acpi_summary *summary)
{
    if (acpi_field(table, 40, 1) == SPACE_MEMORY)
        summary->hpet_address = acpi_device_address(table, 44);
}

// One integer constant at *offset, which moves behind it. False for anything else.
static bool read_integer(struct acpi_bytes aml, size_t *offset, uint64_t *value)
{
    if (*offset >= aml.length)
        return false;
    uint8_t opcode = aml.data[(*offset)++];
    size_t size = opcode == AML_BYTE ? 1 : opcode == AML_WORD ? 2 : opcode == AML_DWORD ? 4 : 0;

    if (opcode == AML_ZERO || opcode == AML_ONE || opcode == AML_ONES) {
        *value = opcode;
        return true;
    }
    if (size == 0 || aml.length - *offset < size)
        return false;
    *value = acpi_field(aml, *offset, size);
    *offset += size;
    return true;
}

// PackageOp, PkgLength (whose first byte says in its upper two bits how many follow), element
// count, then the elements: the sleep types for PM1a and PM1b first.
static bool read_package(struct acpi_bytes aml, size_t offset, struct power_registers *power)
{
    uint64_t type_a, type_b;

    if (aml.length - offset < 3 || aml.data[offset] != AML_PACKAGE)
        return false;
    offset += 2 + (aml.data[offset + 1] >> 6);
    if (offset >= aml.length)
        return false;
    uint8_t element_count = aml.data[offset++];
    if (element_count < 1 || !read_integer(aml, &offset, &type_a) || type_a > 7)
        return false;
    if (element_count < 2 || !read_integer(aml, &offset, &type_b) || type_b > 7)
        type_b = type_a; // some firmware packs one value only
    power->sleep_type_a = (uint8_t)type_a;
    power->sleep_type_b = (uint8_t)type_b;
    power->has_sleep_type = true;
    return true;
}

// The four letters may also stand in strings and references: only behind NameOp, with or without
// the root prefix, are they a definition.
bool acpi_find_sleep_type(struct acpi_bytes aml, struct power_registers *power)
{
    for (size_t i = 1; i + 4 < aml.length; i++) {
        if (memcmp(aml.data + i, "_S5_", 4) != 0)
            continue;
        bool named = aml.data[i - 1] == AML_NAME ||
                     (i >= 2 && aml.data[i - 1] == '\\' && aml.data[i - 2] == AML_NAME);
        if (named && read_package(aml, i + 4, power))
            return true;
    }
    return false;
}
