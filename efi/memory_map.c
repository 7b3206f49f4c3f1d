// Turns firmware descriptors into sorted, disjoint, merged regions. Called by handoff.c. One
// primitive, paint_region(), keeps the invariant: whatever it paints over is cut to fit.
#include "memory_map.h"

#include "memory.h"

#define PAGE_SIZE 4096ull
#define ATTRIBUTE_WRITE_BACK 0x8ull           // EFI_MEMORY_WB
#define ATTRIBUTE_SPECIFIC_PURPOSE 0x40000ull // EFI_MEMORY_SP
#define FIRMWARE_LOADER_DATA 2u
#define FIRMWARE_CONVENTIONAL 7u

static uint32_t kind_of_firmware_type(uint32_t type)
{
    switch (type) {
    case 1: // EfiLoaderCode
    case FIRMWARE_LOADER_DATA:
    case 3: // EfiBootServicesCode
    case 4: // EfiBootServicesData
    case FIRMWARE_CONVENTIONAL:
        return BOOT_REGION_USABLE;
    case 5: // EfiRuntimeServicesCode
    case 6: // EfiRuntimeServicesData
        return BOOT_REGION_RUNTIME;
    case 9: // EfiACPIReclaimMemory
        return BOOT_REGION_ACPI;
    case 10: // EfiACPIMemoryNVS
        return BOOT_REGION_NVS;
    case 11: // EfiMemoryMappedIO
    case 12: // EfiMemoryMappedIOPortSpace
        return BOOT_REGION_MMIO;
    default:
        return BOOT_REGION_RESERVED;
    }
}

bool region_kind_is_mapped(uint32_t kind)
{
    return kind != BOOT_REGION_RESERVED && kind != BOOT_REGION_MMIO;
}

static uint64_t region_end(const struct boot_region *region)
{
    return region->base + region->page_count * PAGE_SIZE;
}

static struct boot_region cut_region(struct boot_region region, uint64_t base, uint64_t end)
{
    region.base = base;
    region.page_count = (end - base) / PAGE_SIZE;
    return region;
}

static void merge_regions(struct boot_info *info)
{
    uint32_t kept = 0;
    for (uint32_t i = 1; i < info->region_count; i++) {
        struct boot_region *last = &info->regions[kept];
        const struct boot_region *region = &info->regions[i];
        if (region_end(last) == region->base && last->kind == region->kind &&
            last->firmware_type == region->firmware_type && last->attributes == region->attributes)
            last->page_count += region->page_count;
        else
            info->regions[++kept] = *region;
    }
    info->region_count = kept + 1;
}

static bool paint_region(struct boot_info *info, struct boot_region paint)
{
    uint64_t end = region_end(&paint);
    uint32_t first = 0;
    while (first < info->region_count && region_end(&info->regions[first]) <= paint.base)
        first++;
    uint32_t after = first;
    while (after < info->region_count && info->regions[after].base < end)
        after++;

    // Regions first .. after - 1 overlap; what sticks out on either side stays.
    struct boot_region pieces[3];
    uint32_t piece_count = 0;
    if (first < after && info->regions[first].base < paint.base)
        pieces[piece_count++] =
            cut_region(info->regions[first], info->regions[first].base, paint.base);
    pieces[piece_count++] = paint;
    if (first < after && region_end(&info->regions[after - 1]) > end)
        pieces[piece_count++] =
            cut_region(info->regions[after - 1], end, region_end(&info->regions[after - 1]));

    uint32_t count = info->region_count - (after - first) + piece_count;
    if (count > BOOT_REGION_LIMIT)
        return false;
    memmove(&info->regions[first + piece_count], &info->regions[after],
            (info->region_count - after) * sizeof(info->regions[0]));
    memcpy(&info->regions[first], pieces, piece_count * sizeof(pieces[0]));
    info->region_count = count;
    merge_regions(info);
    return true;
}

// A descriptor that makes no sense gives an empty region: memory that no region names is never
// touched.
static struct boot_region read_descriptor(const void *bytes)
{
    struct firmware_descriptor descriptor;
    memcpy(&descriptor, bytes, sizeof(descriptor));
    struct boot_region region = {
        .base = descriptor.physical,
        .page_count = descriptor.page_count,
        .kind = kind_of_firmware_type(descriptor.type),
        .firmware_type = descriptor.type,
        .attributes = descriptor.attributes,
    };
    if (region.base % PAGE_SIZE || region.page_count > (UINT64_MAX - region.base) / PAGE_SIZE)
        region.page_count = 0;
    if (region.kind == BOOT_REGION_USABLE && (!(region.attributes & ATTRIBUTE_WRITE_BACK) ||
                                              (region.attributes & ATTRIBUTE_SPECIFIC_PURPOSE)))
        region.kind = BOOT_REGION_RESERVED;
    if (region.kind == BOOT_REGION_USABLE) // what the firmware did there is over: fewer regions
        region.firmware_type = FIRMWARE_CONVENTIONAL;
    if (region_kind_is_mapped(region.kind) && region_end(&region) > DIRECT_MAP_SIZE)
        region.kind = BOOT_REGION_RESERVED;
    return region;
}

bool memory_map_convert(struct boot_info *info, const void *map, uint64_t descriptor_count,
                        uint64_t descriptor_size)
{
    info->region_count = 0;
    for (int usable = 1; usable >= 0; usable--) { // free memory first: the rest paints over it
        for (uint64_t i = 0; i < descriptor_count; i++) {
            struct boot_region region = read_descriptor((const uint8_t *)map + i * descriptor_size);
            if (region.page_count == 0 || (region.kind == BOOT_REGION_USABLE) != usable)
                continue;
            if (!paint_region(info, region))
                return false;
        }
    }
    return true;
}

bool memory_map_carve(struct boot_info *info, uint64_t base, uint64_t byte_count,
                      enum boot_region_kind kind)
{
    if (byte_count == 0)
        return true;
    struct boot_region carved = {
        .base = base,
        .page_count = (byte_count + PAGE_SIZE - 1) / PAGE_SIZE,
        .kind = kind,
        .firmware_type = FIRMWARE_LOADER_DATA,
        .attributes = ATTRIBUTE_WRITE_BACK,
    };
    for (uint32_t i = 0; i < info->region_count; i++) {
        if (info->regions[i].base <= base && base < region_end(&info->regions[i]))
            carved.attributes = info->regions[i].attributes;
    }
    return paint_region(info, carved);
}
