// The MADT's parser: which CPUs, I/O APICs and routes of ISA interrupts it finds, disabled and
// placeholder entries, more than there is room for.
#include <stdlib.h>
#include <string.h>

#include "cpu/report.h"
#include "dev/acpi_parse.h"
#include "test.h"

static struct acpi_summary summary;

static const uint8_t madt_entries[] = {
    0, 8,   0, 2,  1,    0,    0,    0,                              // CPU 2
    1, 12,  0, 0,  0,    0,    0xc0, 0xfe, 24,  0, 0, 0,             // I/O APIC from line 24 on
    2, 10,  0, 9,  20,   0,    0,    0,    0xf, 0,                   // ISA 9: line 20, low, level
    2, 10,  1, 3,  30,   0,    0,    0,    0xf, 0,                   // line 3 of another bus
    2, 10,  0, 5,  21,   0,    0,    0,    0x5, 0,                   // ISA 5: high, edge
    2, 10,  0, 6,  22,   0,    0,    0,    0x7, 0,                   // ISA 6: low, edge
    2, 10,  0, 16, 23,   0,    0,    0,    0xf, 0,                   // ISA has no line 16
    5, 12,  0, 0,  0x10, 0,    0,    0,    0,   0, 0, 0,             // the local APIC is elsewhere
    9, 16,  0, 0,  0x2c, 0x01, 0,    0,    1,   0, 0, 0, 0, 0, 0, 0, // CPU 300, x2APIC
    0, 6,   0, 7,  1,    0,                                          // too short for a CPU
    1, 200, 0,                                                       // says more than there is
};

static uint8_t table[ACPI_HEADER_SIZE + 8 + 16 * (ACPI_CPU_LIMIT + 50)];
static size_t table_size;

static void begin_madt(void)
{
    memset(&summary, 0, sizeof(summary));
    memset(table, 0, sizeof(table));
    table_size = ACPI_HEADER_SIZE + 8;
}

static void add_bytes(const void *bytes, size_t size)
{
    CHECK(size <= sizeof(table) - table_size);
    memcpy(table + table_size, bytes, size);
    table_size += size;
}

static void parse_madt(void)
{
    uint8_t *exact = malloc(table_size); // so that ASan sees the end

    CHECK(exact != NULL);
    memcpy(exact, table, table_size);
    acpi_parse_madt((struct acpi_bytes){ exact, table_size }, &summary);
    free(exact);
}

TEST(dev_acpi_madt)
{
    begin_madt();
    table[38] = 0xe0;
    table[39] = 0xfe;
    table[40] = 1; // an 8259 is there
    add_bytes(madt_entries, sizeof(madt_entries));
    parse_madt();

    CHECK_EQUAL(summary.cpu_count, 2);
    CHECK_EQUAL(summary.cpus[0].apic_id, 2);
    CHECK_EQUAL(summary.cpus[1].apic_id, 300);
    CHECK(summary.cpus[0].enabled && summary.cpus[1].enabled);
    CHECK_EQUAL(summary.ioapic_count, 1);
    CHECK_EQUAL(summary.ioapics[0].address, 0xfec00000);
    CHECK_EQUAL(summary.ioapics[0].first_line, 24);
    CHECK_EQUAL(summary.isa[9].line, 20);
    CHECK(summary.isa[9].active_low && summary.isa[9].level_triggered && summary.has_8259);
    CHECK_EQUAL(summary.isa[3].line, 0);
    CHECK_EQUAL(summary.hpet_address, 0); // what lies behind the routes
    CHECK_EQUAL(summary.isa[5].line, 21);
    CHECK(!summary.isa[5].active_low && !summary.isa[5].level_triggered);
    CHECK(summary.isa[6].active_low && !summary.isa[6].level_triggered);
    CHECK_EQUAL(summary.lapic_address, 0x10);
}

// Flags: bit 0 says enabled, bit 1 that it may come later (which is not waited for); the others are
// reserved.
static void add_xapic_cpu(uint8_t id, uint32_t flags)
{
    uint8_t entry[] = { 0, 8, 0, id, (uint8_t)flags, (uint8_t)(flags >> 8), 0, 0 };

    add_bytes(entry, sizeof(entry));
}

static void add_x2apic_cpu(uint32_t id, uint32_t flags)
{
    uint8_t entry[16] = { 9, 16 };

    memcpy(entry + 4, &id, 4);
    memcpy(entry + 8, &flags, 4);
    add_bytes(entry, sizeof(entry));
}

static void check_cpus(const struct acpi_cpu *expected, size_t count)
{
    CHECK_EQUAL(summary.cpu_count, count);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQUAL(summary.cpus[i].apic_id, expected[i].apic_id);
        CHECK_EQUAL(summary.cpus[i].enabled, expected[i].enabled);
    }
}

TEST(dev_acpi_disabled_cpus)
{
    static const struct acpi_cpu expected[] = {
        { 0, true }, { 1, false }, { 4, false }, { 300, true }, { 301, false }
    };

    begin_madt();
    add_xapic_cpu(0, 1);
    add_xapic_cpu(1, 0);
    add_xapic_cpu(4, 0xfffe); // all but enabled
    add_x2apic_cpu(300, 1);
    add_x2apic_cpu(301, 0xfffffffe);
    parse_madt();
    check_cpus(expected, ARRAY_SIZE(expected));
}

// An id that stands for an empty socket is a CPU only if the table says so; of the other type it is
// an id as any other.
TEST(dev_acpi_placeholders_for_cpus)
{
    static const struct acpi_cpu disabled[] = { { 3, true }, { 255, false } };
    static const struct acpi_cpu enabled[] = { { 255, true }, { UINT32_MAX, true } };

    begin_madt();
    add_xapic_cpu(255, 0);
    add_x2apic_cpu(UINT32_MAX, 0);
    add_xapic_cpu(255, 2);
    add_x2apic_cpu(UINT32_MAX, 2);
    add_xapic_cpu(3, 1);
    add_x2apic_cpu(255, 0);
    parse_madt();
    check_cpus(disabled, ARRAY_SIZE(disabled));
    begin_madt();
    add_xapic_cpu(255, 1);
    add_x2apic_cpu(UINT32_MAX, 1);
    parse_madt();
    check_cpus(enabled, ARRAY_SIZE(enabled));
}

TEST(dev_acpi_cpus_under_both_types)
{
    static const struct acpi_cpu expected[] = {
        { 1, true }, { 2, true }, { 3, true }, { 4, false }
    };

    begin_madt();
    add_xapic_cpu(1, 1);
    add_xapic_cpu(2, 0);
    add_xapic_cpu(3, 1);
    add_xapic_cpu(4, 0);
    add_x2apic_cpu(4, 0);
    add_x2apic_cpu(3, 0); // does not take away what the other type said
    add_x2apic_cpu(2, 1);
    add_x2apic_cpu(1, 1);
    parse_madt();
    check_cpus(expected, ARRAY_SIZE(expected));
}

static char last_report[200];

static void keep_report(const char *area, const char *text)
{
    memcpy(last_report, text, strlen(text) + 1);
}

TEST(dev_acpi_more_than_there_is_room_for)
{
    uint8_t ioapic[12] = { 1, 12 };

    report_to(keep_report);
    begin_madt();
    for (uint32_t i = 0; i < ACPI_CPU_LIMIT; i++)
        add_x2apic_cpu(1000 + i, i != 7);
    parse_madt();
    CHECK_EQUAL(summary.cpu_count, ACPI_CPU_LIMIT);
    CHECK_TEXT(last_report, "");
    for (uint8_t i = 0; i < ACPI_IOAPIC_LIMIT + 2; i++) {
        ioapic[8] = i;
        add_bytes(ioapic, sizeof(ioapic));
    }
    add_x2apic_cpu(77, 1);
    add_x2apic_cpu(1007, 1); // one that is known is still merged
    memset(&summary, 0, sizeof(summary));
    parse_madt();
    CHECK_EQUAL(summary.cpu_count, ACPI_CPU_LIMIT);
    CHECK_EQUAL(summary.cpus[ACPI_CPU_LIMIT - 1].apic_id, 1000 + ACPI_CPU_LIMIT - 1);
    CHECK(summary.cpus[7].enabled);
    CHECK_TEXT(last_report, "more than 256 CPUs; APIC id 77 is left out");
    CHECK_EQUAL(summary.ioapic_count, ACPI_IOAPIC_LIMIT);
    for (uint32_t i = 0; i < ACPI_IOAPIC_LIMIT; i++)
        CHECK_EQUAL(summary.ioapics[i].first_line, i);
}

struct expected_cpus {
    struct acpi_cpu cpus[ACPI_CPU_LIMIT];
    size_t count;
};

// What a table full of entries must lead to, by the definition: of each id the first place, and
// enabled if any entry says so.
static void expect_cpu(struct expected_cpus *expected, uint32_t id, bool enabled, bool placeholder)
{
    size_t i = 0;

    if (placeholder && !enabled)
        return;
    while (i < expected->count && expected->cpus[i].apic_id != id)
        i++;
    if (i == ACPI_CPU_LIMIT)
        return;
    if (i == expected->count)
        expected->cpus[expected->count++] = (struct acpi_cpu){ id, false };
    expected->cpus[i].enabled = expected->cpus[i].enabled || enabled;
}

TEST(dev_acpi_random_cpus)
{
    static struct expected_cpus expected;

    for (int round = 0; round < 300; round++) {
        uint32_t entries = (uint32_t)random_below(ACPI_CPU_LIMIT + 50);
        uint32_t ids = 1 + (uint32_t)random_below(400);
        begin_madt();
        expected.count = 0;
        for (uint32_t i = 0; i < entries; i++) {
            uint32_t id = (uint32_t)random_below(ids);
            uint32_t flags = (uint32_t)random_below(4);
            if (random_below(8) == 0)
                id = UINT32_MAX;
            if (random_below(2) != 0) {
                add_xapic_cpu((uint8_t)id, flags);
                expect_cpu(&expected, id & 0xff, flags & 1, (id & 0xff) == 0xff);
            } else {
                add_x2apic_cpu(id, flags);
                expect_cpu(&expected, id, flags & 1, id == UINT32_MAX);
            }
        }
        parse_madt();
        check_cpus(expected.cpus, expected.count);
    }
}
