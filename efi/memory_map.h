// The firmware's memory map as boot_info.regions. Pure code: no firmware calls, tested on the host.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot_info.h"

// EFI_MEMORY_DESCRIPTOR (UEFI 2.9, section 7.2); descriptors are `descriptor_size` bytes apart.
struct firmware_descriptor {
    uint32_t type;
    uint32_t padding;
    uint64_t physical;
    uint64_t virtual;
    uint64_t page_count;
    uint64_t attributes;
};

// Replaces info->regions. Where descriptors overlap, the one that is not free memory wins. False:
// more than BOOT_REGION_LIMIT regions.
bool memory_map_convert(struct boot_info *info, const void *map, uint64_t descriptor_count,
                        uint64_t descriptor_size);
// Gives `byte_count` bytes (rounded up to pages) from `base` another kind. Nothing for 0 bytes.
bool memory_map_carve(struct boot_info *info, uint64_t base, uint64_t byte_count,
                      enum boot_region_kind kind);
// Whether the direct map covers regions of this kind.
bool region_kind_is_mapped(uint32_t kind);
