// Looks through the firmware's tables. Called by main.c before the firmware is left; changes
// nothing there.
#include "firmware_tables.h"

#include "memory.h"

static EFI_GUID acpi_2_guid = ACPI_20_TABLE_GUID;
static EFI_GUID acpi_1_guid = ACPI_TABLE_GUID;

static uint64_t find_table(const EFI_SYSTEM_TABLE *system, const EFI_GUID *guid)
{
    for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *table = &system->ConfigurationTable[i];
        if (memcmp(&table->VendorGuid, guid, sizeof(*guid)) == 0)
            return (uint64_t)table->VendorTable;
    }
    return 0;
}

uint64_t acpi_root_find(const EFI_SYSTEM_TABLE *system)
{
    uint64_t address = find_table(system, &acpi_2_guid);
    return address ? address : find_table(system, &acpi_1_guid);
}
