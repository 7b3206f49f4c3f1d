// Parsers of ACPI tables: what they find in good ones, and that nothing in broken ones makes them
// read beyond the end.
#include <stdlib.h>
#include <string.h>

#include "dev/acpi_parse.h"
#include "test.h"

static struct acpi_summary summary;
static struct power_registers power;

// Bytes in a block of exactly their size, so that ASan sees the end.
static struct acpi_bytes exact_copy(const void *data, size_t length)
{
    uint8_t *copy = malloc(length != 0 ? length : 1);

    CHECK(copy != NULL);
    memcpy(copy, data, length);
    return (struct acpi_bytes){ copy, length };
}

static void release(struct acpi_bytes bytes)
{
    free((void *)bytes.data);
}

static const uint8_t madt_entries[] = {
    0, 8,   0, 2, 1,    0,    0,    0,                              // CPU 2
    1, 12,  0, 0, 0,    0,    0xc0, 0xfe, 24,  0, 0, 0,             // I/O APIC from line 24 on
    2, 10,  0, 9, 20,   0,    0,    0,    0xf, 0,                   // ISA 9 is line 20, low, level
    5, 12,  0, 0, 0x10, 0,    0,    0,    0,   0, 0, 0,             // the local APIC is elsewhere
    9, 16,  0, 0, 0x2c, 0x01, 0,    0,    1,   0, 0, 0, 0, 0, 0, 0, // CPU 300, x2APIC
    1, 200, 0,                                                      // says more than there is
};

TEST(dev_acpi_madt)
{
    uint8_t table[ACPI_HEADER_SIZE + 8 + sizeof(madt_entries)] = { 0 };

    table[38] = 0xe0;
    table[39] = 0xfe;
    table[40] = 1; // an 8259 is there
    memcpy(table + ACPI_HEADER_SIZE + 8, madt_entries, sizeof(madt_entries));
    struct acpi_bytes bytes = exact_copy(table, sizeof(table));
    acpi_parse_madt(bytes, &summary);
    release(bytes);

    CHECK_EQUAL(summary.cpu_count, 2);
    CHECK_EQUAL(summary.cpus[0].apic_id, 2);
    CHECK_EQUAL(summary.cpus[1].apic_id, 300);
    CHECK_EQUAL(summary.ioapic_count, 1);
    CHECK_EQUAL(summary.ioapics[0].address, 0xfec00000);
    CHECK_EQUAL(summary.ioapics[0].first_line, 24);
    CHECK_EQUAL(summary.isa[9].line, 20);
    CHECK(summary.isa[9].active_low && summary.isa[9].level_triggered && summary.has_8259);
    CHECK_EQUAL(summary.lapic_address, 0x10);
}

static bool find_sleep_type(const void *aml, size_t length)
{
    struct acpi_bytes bytes = exact_copy(aml, length);

    memset(&power, 0, sizeof(power));
    bool found = acpi_find_sleep_type(bytes, &power);
    release(bytes);
    return found;
}

TEST(dev_acpi_sleep_type)
{
    static const uint8_t short_package[] = { 0x10, 0x05, 'x',  '_',  'S', '5',  '_',
                                             0x08, '_',  'S',  '5',  '_', 0x12, 0x06,
                                             0x04, 0x0a, 0x05, 0x01, 0,   0 };
    static const uint8_t long_package[] = { 0x08, '\\', '_',  'S',  '5', '_', 0x12,
                                            0x46, 0x00, 0x01, 0x0b, 7,   0 };

    CHECK(find_sleep_type(short_package, sizeof(short_package)));
    CHECK(power.sleep_type_a == 5 && power.sleep_type_b == 1);
    CHECK(find_sleep_type(long_package, sizeof(long_package)));
    CHECK(power.sleep_type_a == 7 && power.sleep_type_b == 7);
    for (size_t length = 0; length < sizeof(long_package); length++)
        CHECK(!find_sleep_type(long_package, length));
}

static bool lacks_i8042(uint8_t revision, uint8_t boot_flags, size_t length)
{
    uint8_t table[244] = { [8] = revision, [109] = boot_flags };
    struct acpi_bytes bytes = exact_copy(table, length);

    acpi_parse_fadt(bytes, &summary, &power);
    release(bytes);
    return summary.lacks_i8042;
}

TEST(dev_acpi_boot_flags)
{
    CHECK(!lacks_i8042(3, 2, 244));
    CHECK(lacks_i8042(3, 1, 244) && lacks_i8042(6, 0xfd, 244));
    CHECK(!lacks_i8042(1, 0, 116)); // before ACPI 2.0 these bytes were nothing
}

TEST(dev_acpi_random_tables)
{
    for (int i = 0; i < 40000; i++) {
        uint8_t table[120];
        size_t length = random_below(sizeof(table));
        for (size_t j = 0; j < length; j++)
            table[j] = (uint8_t)(random_below(3) != 0 ? random_below(20) : random_number());
        if (length > 8 && random_below(2) != 0)
            memcpy(table + random_below(length - 5), "\x08_S5_", 5);
        struct acpi_bytes bytes = exact_copy(table, length);
        memset(&summary, 0, sizeof(summary));
        acpi_parse_madt(bytes, &summary);
        acpi_parse_hpet(bytes, &summary);
        acpi_parse_fadt(bytes, &summary, &power);
        (void)acpi_fadt_dsdt(bytes);
        (void)acpi_find_sleep_type(bytes, &power);
        release(bytes);
    }
}
