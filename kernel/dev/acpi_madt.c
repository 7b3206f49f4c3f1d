// The MADT: CPUs, I/O APICs and where ISA interrupts go. Called by acpi_init(). Invariant: an entry
// is looked at only when it lies whole inside the table. ACPI 6.4, 5.2.12.
#include "cpu/report.h"
#include "dev/acpi_parse.h"

#define MADT_ENTRIES 44u
#define MADT_HAS_8259 (1u << 0)
#define CPU_ENABLED (1u << 0)
#define NO_APIC 0xffu // an xAPIC id that firmware uses for empty sockets

#define POLARITY_LOW 3u
#define TRIGGER_LEVEL 3u

enum madt_type {
    MADT_LOCAL_APIC = 0,
    MADT_IOAPIC = 1,
    MADT_ISA_ROUTE = 2,
    MADT_LOCAL_APIC_ADDRESS = 5,
    MADT_LOCAL_X2APIC = 9,
};

static void add_cpu(struct acpi_summary *summary, uint32_t apic_id, bool enabled)
{
    for (uint32_t i = 0; i < summary->cpu_count; i++) {
        if (summary->cpus[i].apic_id == apic_id) {
            summary->cpus[i].enabled |= enabled; // some firmware lists a CPU under both types
            return;
        }
    }
    if (summary->cpu_count == ACPI_CPU_LIMIT) {
        report_line("acpi", "more than %u CPUs; APIC id %u is left out", ACPI_CPU_LIMIT, apic_id);
        return;
    }
    summary->cpus[summary->cpu_count++] = (struct acpi_cpu){ apic_id, enabled };
}

static void add_local_apic(struct acpi_summary *summary, struct acpi_bytes entry)
{
    uint32_t apic_id = (uint32_t)acpi_field(entry, 3, 1);
    bool enabled = (acpi_field(entry, 4, 4) & CPU_ENABLED) != 0;

    if (enabled || apic_id != NO_APIC)
        add_cpu(summary, apic_id, enabled);
}

static void add_local_x2apic(struct acpi_summary *summary, struct acpi_bytes entry)
{
    uint32_t apic_id = (uint32_t)acpi_field(entry, 4, 4);
    bool enabled = (acpi_field(entry, 8, 4) & CPU_ENABLED) != 0;

    if (enabled || apic_id != UINT32_MAX)
        add_cpu(summary, apic_id, enabled);
}

static void add_ioapic(struct acpi_summary *summary, struct acpi_bytes entry)
{
    if (summary->ioapic_count == ACPI_IOAPIC_LIMIT) {
        report_line("acpi", "more than %u I/O APICs; the rest is left out", ACPI_IOAPIC_LIMIT);
        return;
    }
    summary->ioapics[summary->ioapic_count++] = (struct acpi_ioapic){
        .address = acpi_field(entry, 4, 4),
        .first_line = (uint32_t)acpi_field(entry, 8, 4),
    };
}

// "Conforms to the bus" means active high and edge-triggered on ISA.
static void set_isa_route(struct acpi_summary *summary, struct acpi_bytes entry)
{
    uint64_t bus = acpi_field(entry, 2, 1);
    uint64_t source = acpi_field(entry, 3, 1);
    uint64_t flags = acpi_field(entry, 8, 2);

    if (bus != 0 || source >= ARRAY_SIZE(summary->isa))
        return;
    summary->isa[source] = (struct acpi_isa_route){
        .line = (uint32_t)acpi_field(entry, 4, 4),
        .active_low = (flags & 3) == POLARITY_LOW,
        .level_triggered = (flags >> 2 & 3) == TRIGGER_LEVEL,
    };
}

static void parse_entry(struct acpi_summary *summary, struct acpi_bytes entry)
{
    static const uint8_t sizes[] = {
        [MADT_LOCAL_APIC] = 8,          [MADT_IOAPIC] = 12,       [MADT_ISA_ROUTE] = 10,
        [MADT_LOCAL_APIC_ADDRESS] = 12, [MADT_LOCAL_X2APIC] = 16,
    };
    uint8_t type = entry.data[0];

    if (type >= ARRAY_SIZE(sizes) || sizes[type] == 0)
        return;
    if (entry.length < sizes[type]) {
        report_line("acpi", "MADT entry of type %u is too short; left out", type);
        return;
    }
    if (type == MADT_LOCAL_APIC)
        add_local_apic(summary, entry);
    else if (type == MADT_LOCAL_X2APIC)
        add_local_x2apic(summary, entry);
    else if (type == MADT_IOAPIC)
        add_ioapic(summary, entry);
    else if (type == MADT_ISA_ROUTE)
        set_isa_route(summary, entry);
    else
        summary->lapic_address = acpi_device_address(entry, 4);
}

void acpi_parse_madt(struct acpi_bytes table, struct acpi_summary *summary)
{
    summary->lapic_address = acpi_field(table, 36, 4);
    summary->has_8259 = (acpi_field(table, 40, 4) & MADT_HAS_8259) != 0;
    for (size_t offset = MADT_ENTRIES; offset + 2 <= table.length;) {
        size_t length = table.data[offset + 1];
        if (length < 2 || length > table.length - offset) {
            report_line("acpi", "MADT entry at byte %zu runs out of the table; rest left out",
                        offset);
            return;
        }
        parse_entry(summary, (struct acpi_bytes){ table.data + offset, length });
        offset += length;
    }
}
