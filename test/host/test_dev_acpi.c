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

// Counts within their tables, and no CPU twice.
static void check_summary(void)
{
    CHECK(summary.cpu_count <= ACPI_CPU_LIMIT && summary.ioapic_count <= ACPI_IOAPIC_LIMIT);
    for (uint32_t i = 0; i < summary.cpu_count; i++)
        for (uint32_t j = 0; j < i; j++)
            CHECK(summary.cpus[i].apic_id != summary.cpus[j].apic_id);
    CHECK(summary.lapic_address < DIRECT_MAP_SIZE && summary.hpet_address < DIRECT_MAP_SIZE);
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
        if (acpi_find_sleep_type(bytes, &power))
            CHECK(power.sleep_type_a <= 7 && power.sleep_type_b <= 7);
        check_summary();
        release(bytes);
    }
}
