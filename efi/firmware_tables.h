// What the firmware leaves behind for the kernel to find: the ACPI root pointer.
#pragma once

#include <stdint.h>

#include <efi.h>

// Physical address of the RSDP: ACPI 2.0's, else 1.0's, else 0.
uint64_t acpi_root_find(const EFI_SYSTEM_TABLE *system);
