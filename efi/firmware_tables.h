// What the firmware leaves behind for the kernel to find: the ACPI root pointer and a framebuffer.
#pragma once

#include <stdint.h>

#include <efi.h>

#include "boot_info.h"

// Physical address of the RSDP: ACPI 2.0's, else 1.0's, else 0.
uint64_t acpi_root_find(const EFI_SYSTEM_TABLE *system);
// format is BOOT_PIXEL_NONE when there is no framebuffer that memory writes reach.
void framebuffer_find(EFI_SYSTEM_TABLE *system, struct boot_framebuffer *framebuffer);
