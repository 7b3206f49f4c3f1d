// Any bytes as each ACPI table and as AML: nothing is read beyond them, and what is found fits the
// tables that hold it.
#include <stdlib.h>
#include <string.h>

#include "dev/acpi_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct acpi_summary summary;
    struct power_registers power = { 0 };
    uint8_t *copy = malloc(size != 0 ? size : 1); // ASan sees the end
    struct acpi_bytes table = { copy, size };

    memcpy(copy, data, size);
    memset(&summary, 0, sizeof(summary));
    acpi_parse_madt(table, &summary);
    acpi_parse_hpet(table, &summary);
    acpi_parse_fadt(table, &summary, &power);
    (void)acpi_fadt_dsdt(table);
    (void)acpi_checksum_holds(table);
    require(summary.cpu_count <= ARRAY_SIZE(summary.cpus));
    require(summary.ioapic_count <= ARRAY_SIZE(summary.ioapics));
    if (acpi_find_sleep_type(table, &power))
        require(power.sleep_type_a <= 0xff && power.sleep_type_b <= 0xff);
    free(copy);
    return 0;
}
