// Any bytes as the firmware's memory map: the regions made of it are sorted and disjoint, and what
// is free memory there is free, ordinary and in reach for every descriptor of the firmware.
#include <stdlib.h>
#include <string.h>

#include "memory_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE_SIZE 4096ull
#define DESCRIPTOR_SIZE sizeof(struct firmware_descriptor)

static void require(bool condition)
{
    if (!condition)
        abort();
}

static uint64_t end_of(const struct boot_region *region)
{
    return region->base + region->page_count * PAGE_SIZE;
}

static bool is_free(const struct firmware_descriptor *descriptor)
{
    bool is_memory = (descriptor->type >= 1 && descriptor->type <= 4) || descriptor->type == 7;

    return is_memory && (descriptor->attributes & 0x40008) == 8;
}

static bool is_sound(const struct firmware_descriptor *descriptor)
{
    return descriptor->physical % PAGE_SIZE == 0 && descriptor->page_count > 0 &&
           descriptor->page_count <= (UINT64_MAX - descriptor->physical) / PAGE_SIZE;
}

// What the firmware says of the first page of a region holds for all of it, or another region would
// begin.
static void check_usable(uint64_t page, const uint8_t *map, size_t count, size_t stride)
{
    bool covered = false;

    for (size_t i = 0; i < count; i++) {
        struct firmware_descriptor descriptor;
        memcpy(&descriptor, map + i * stride, sizeof(descriptor));
        if (!is_sound(&descriptor) || page < descriptor.physical ||
            (page - descriptor.physical) / PAGE_SIZE >= descriptor.page_count)
            continue;
        require(is_free(&descriptor));
        covered = true;
    }
    require(covered);
}

static void check_regions(const struct boot_info *info)
{
    uint64_t end = 0;

    require(info->region_count <= BOOT_REGION_LIMIT);
    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->regions[i];
        require(region->page_count > 0 && region->base % PAGE_SIZE == 0);
        require(region->base >= end && end_of(region) > region->base);
        end = end_of(region);
        require(!region_kind_is_mapped(region->kind) || end <= DIRECT_MAP_SIZE);
    }
}

static void check_map(const uint8_t *map, size_t count, size_t stride)
{
    static struct boot_info info;

    if (!memory_map_convert(&info, map, count, stride))
        return;
    check_regions(&info);
    for (uint32_t i = 0; i < info.region_count; i++) {
        const struct boot_region *region = &info.regions[i];
        if (region->kind != BOOT_REGION_USABLE)
            continue;
        check_usable(region->base, map, count, stride);
        check_usable(end_of(region) - PAGE_SIZE, map, count, stride);
    }
    // The loader gives another kind to what the firmware gave it: memory, all of it in one region.
    struct boot_region whole = info.regions[info.region_count / 2];
    if (info.region_count == 0 || !region_kind_is_mapped(whole.kind))
        return;
    uint64_t size = whole.page_count > 1 ? PAGE_SIZE + 1 : 1;
    if (memory_map_carve(&info, whole.base, size, BOOT_REGION_KERNEL))
        check_regions(&info);
}

// A descriptor of small numbers, so that they meet: 6 bytes.
static struct firmware_descriptor make_small(const uint8_t *bytes)
{
    return (struct firmware_descriptor){
        .type = bytes[0] % 16,
        .physical =
            (bytes[1] & 0x80 ? DIRECT_MAP_SIZE - (64 * PAGE_SIZE) : 0) + bytes[2] * PAGE_SIZE,
        .page_count = bytes[3],
        .attributes = bytes[4] % 16 == 0   ? bytes[5]
                      : bytes[4] % 16 == 1 ? 0x4000f
                                           : 0xf,
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t stride = DESCRIPTOR_SIZE + data[0] % 3 * 8;
    if (data[0] & 0x80) {
        size_t count = (size - 1) / stride;
        uint8_t *map = malloc(count * stride + 1); // ASan sees the end
        memcpy(map, data + 1, count * stride);
        check_map(map, count, stride);
        free(map);
        return 0;
    }
    size_t count = (size - 1) / 6;
    uint8_t *map = calloc(count + 1, stride);
    for (size_t i = 0; i < count; i++) {
        struct firmware_descriptor small = make_small(data + 1 + i * 6);
        memcpy(map + i * stride, &small, sizeof(small));
    }
    check_map(map, count, stride);
    free(map);
    return 0;
}
