// The way out of the firmware: address space, last memory map, ExitBootServices, jump.
#pragma once

#include <efi.h>

#include "boot_info.h"
#include "elf_image.h"

// `info` has everything but the regions, the firmware's map and the page tables; its pages, the
// kernel's, the stack's and the files' come from pages_allocate(). Enters the kernel or refuses.
_Noreturn void handoff(EFI_HANDLE image, EFI_SYSTEM_TABLE *system, struct boot_info *info,
                       const struct kernel_image *kernel);
