// Finds the ACPI tables and hands each to its parser. Called once at boot. Invariant: nothing is
// read that the boot map does not call memory, no length is believed before it is checked against
// that map, and no table is used whose checksum fails. ACPI 6.4, 5.2.
#include "dev/acpi.h"

#include "cpu/report.h"
#include "dev/acpi_parse.h"
#include "dev/power.h"
#include "lib/string.h"

#define RSDP_SIZE_1 20u // ACPI 1.0
#define RSDP_SIZE_2 36u
#define TABLE_SIZE_LIMIT (16u << 20) // a large DSDT has one MiB

struct acpi_summary acpi;

// What the tables told that goes elsewhere than into the summary.
struct findings {
    const struct boot_info *boot;
    struct power_registers power;
    bool has_madt, has_fadt, has_hpet;
};

// Kinds that the loader maps in the direct map and that are ordinary memory.
static bool is_readable_kind(uint32_t kind)
{
    return kind == BOOT_REGION_USABLE || kind == BOOT_REGION_LOADER || kind == BOOT_REGION_KERNEL ||
           kind == BOOT_REGION_INITRAMFS || kind == BOOT_REGION_SYMBOLS ||
           kind == BOOT_REGION_ACPI || kind == BOOT_REGION_RUNTIME || kind == BOOT_REGION_NVS;
}

// Regions are sorted, so one pass follows a range over adjoining ones.
static bool is_readable(const struct boot_info *boot, uint64_t address, uint64_t length)
{
    uint32_t count = min_of(boot->region_count, BOOT_REGION_LIMIT);

    if (length == 0 || length > DIRECT_MAP_SIZE || address > DIRECT_MAP_SIZE - length)
        return false;
    uint64_t end = address + length;
    for (uint32_t i = 0; i < count && address < end; i++) {
        const struct boot_region *region = &boot->regions[i];
        uint64_t region_end = region->base + region->page_count * PAGE_SIZE;
        if (is_readable_kind(region->kind) && address >= region->base && address < region_end)
            address = region_end;
    }
    return address >= end;
}

static const uint8_t *direct_pointer(uint64_t physical)
{
    return (const uint8_t *)(DIRECT_MAP_BASE + physical);
}

// The whole table at a physical address; length 0 when it cannot be used.
static struct acpi_bytes open_table(const struct boot_info *boot, uint64_t address)
{
    struct acpi_bytes none = { NULL, 0 };

    if (!is_readable(boot, address, ACPI_HEADER_SIZE)) {
        report_line("acpi", "table at 0x%llx is outside of memory; ignored",
                    (unsigned long long)address);
        return none;
    }
    struct acpi_bytes table = { direct_pointer(address), ACPI_HEADER_SIZE };
    uint64_t length = acpi_field(table, 4, 4);
    if (length < ACPI_HEADER_SIZE || length > TABLE_SIZE_LIMIT ||
        !is_readable(boot, address, length)) {
        report_line("acpi", "table at 0x%llx has an impossible length (%llu); ignored",
                    (unsigned long long)address, (unsigned long long)length);
        return none;
    }
    table.length = length;
    if (!acpi_checksum_holds(table)) {
        report_line("acpi", "table at 0x%llx has a wrong checksum; ignored",
                    (unsigned long long)address);
        return none;
    }
    return table;
}

static bool has_signature(struct acpi_bytes table, const char *signature)
{
    return table.length >= ACPI_HEADER_SIZE && memcmp(table.data, signature, 4) == 0;
}

static void look_for_sleep_type(struct findings *findings, struct acpi_bytes table)
{
    struct acpi_bytes aml = { table.data + ACPI_HEADER_SIZE, table.length - ACPI_HEADER_SIZE };

    if (!findings->power.has_sleep_type)
        acpi_find_sleep_type(aml, &findings->power);
}

static void use_fadt(struct findings *findings, struct acpi_bytes fadt)
{
    acpi_parse_fadt(fadt, &acpi, &findings->power);
    struct acpi_bytes dsdt = open_table(findings->boot, acpi_fadt_dsdt(fadt));
    if (has_signature(dsdt, "DSDT"))
        look_for_sleep_type(findings, dsdt);
}

// The first of each kind counts.
static void use_table(struct findings *findings, struct acpi_bytes table)
{
    if (has_signature(table, "APIC") && !findings->has_madt) {
        findings->has_madt = true;
        acpi_parse_madt(table, &acpi);
    } else if (has_signature(table, "FACP") && !findings->has_fadt) {
        findings->has_fadt = true;
        use_fadt(findings, table);
    } else if (has_signature(table, "HPET") && !findings->has_hpet) {
        findings->has_hpet = true;
        acpi_parse_hpet(table, &acpi);
    } else if (has_signature(table, "SSDT")) {
        look_for_sleep_type(findings, table);
    }
}

// Walks the XSDT (8-byte entries) or the RSDT (4-byte ones). False when it cannot be used.
static bool walk_root_table(struct findings *findings, uint64_t address, const char *signature,
                            size_t entry_size)
{
    if (address == 0)
        return false;
    struct acpi_bytes root = open_table(findings->boot, address);
    if (!has_signature(root, signature))
        return false;
    for (size_t offset = ACPI_HEADER_SIZE; offset + entry_size <= root.length;
         offset += entry_size) {
        uint64_t entry = acpi_field(root, offset, entry_size);
        if (entry != 0)
            use_table(findings, open_table(findings->boot, entry));
    }
    return true;
}

// The root pointer has its own layout: a checksum over 20 bytes, and from revision 2 on a second
// one over all 36.
static bool read_root_pointer(const struct boot_info *boot, uint64_t *rsdt, uint64_t *xsdt)
{
    if (boot->rsdp == 0 || !is_readable(boot, boot->rsdp, RSDP_SIZE_1))
        return false;
    struct acpi_bytes rsdp = { direct_pointer(boot->rsdp), RSDP_SIZE_1 };
    if (memcmp(rsdp.data, "RSD PTR ", 8) != 0 || !acpi_checksum_holds(rsdp))
        return false;
    *rsdt = acpi_field(rsdp, 16, 4);
    *xsdt = 0;
    if (acpi_field(rsdp, 15, 1) < 2 || !is_readable(boot, boot->rsdp, RSDP_SIZE_2))
        return true;
    rsdp.length = RSDP_SIZE_2;
    if (acpi_checksum_holds(rsdp))
        *xsdt = acpi_field(rsdp, 24, 8);
    return true;
}

static void report_findings(const struct findings *findings)
{
    if (!findings->has_madt)
        report_line("acpi", "no usable MADT");
    if (!findings->has_fadt)
        report_line("acpi", "no usable FADT");
    report_line("acpi", "%u CPUs, %u I/O APICs, HPET %s, PM timer %s, power-off %s, reset %s",
                acpi.cpu_count, acpi.ioapic_count, acpi.hpet_address ? "yes" : "no",
                acpi.pm_timer_port ? "yes" : "no", findings->power.has_sleep_type ? "yes" : "no",
                findings->power.has_reset ? "yes" : "no");
}

void acpi_init(const struct boot_info *boot)
{
    struct findings findings = { .boot = boot };
    uint64_t rsdt, xsdt;

    for (uint32_t i = 0; i < ARRAY_SIZE(acpi.isa); i++)
        acpi.isa[i].line = i; // until the MADT says otherwise
    if (!read_root_pointer(boot, &rsdt, &xsdt)) {
        report_line("acpi", "no usable root pointer at 0x%llx", (unsigned long long)boot->rsdp);
        return;
    }
    if (!walk_root_table(&findings, xsdt, "XSDT", 8) &&
        !walk_root_table(&findings, rsdt, "RSDT", 4))
        report_line("acpi", "neither XSDT nor RSDT can be used");
    power_set_registers(&findings.power);
    report_findings(&findings);
}
