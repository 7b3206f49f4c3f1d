// Four-level page tables (SDM vol. 3A, 4.5) for the kernel's start. Called by handoff.c. Invariant:
// no mapping is both writable and executable, and no second mapping makes the kernel's code or
// constants writable.
#include "page_tables.h"

#include "memory.h"
#include "memory_map.h"

#define PAGE_SIZE 4096ull
#define ENTRIES 512u
#define PRESENT (1ull << 0)
#define WRITE (1ull << 1)
#define LARGE (1ull << 7)
#define GLOBAL (1ull << 8)
#define NO_EXECUTE (1ull << 63)
#define ADDRESS_MASK 0x000ffffffffff000ull

// Bytes that one entry of a level maps: 4 KiB, 2 MiB, 1 GiB, 512 GiB.
static uint64_t level_size(uint32_t level)
{
    return PAGE_SIZE << (9 * (level - 1));
}

static uint64_t tables_for(uint64_t base, uint64_t end, uint32_t level)
{
    return (end - 1) / level_size(level) - base / level_size(level) + 1;
}

uint64_t page_tables_estimate(const struct boot_info *info)
{
    uint64_t pages = 1 + 5; // the root, and the switch code's two pages: at most 2 + 2 + 1 tables
    for (uint32_t i = 0; i < info->region_count; i++) {
        uint64_t base = info->regions[i].base;
        uint64_t end = base + info->regions[i].page_count * PAGE_SIZE;
        if (!region_kind_is_mapped(info->regions[i].kind))
            continue;
        pages += 2; // 4 KiB pages at both edges
        pages += tables_for(base, end, 3) + tables_for(base, end, 4);
    }
    // The kernel in 4 KiB pages, at two places.
    return pages + 2 * (info->kernel_size / level_size(2) + 2 + 2 + 1);
}

static uint64_t *take_table(struct page_tables *tables)
{
    if (tables->used_pages == tables->pool_pages)
        return NULL;
    uint64_t *table = tables->pool + tables->used_pages++ * ENTRIES;
    memset(table, 0, PAGE_SIZE);
    return table;
}

// The entry of `level` for an address, with the tables above it. NULL: the pool is empty.
static uint64_t *find_entry(struct page_tables *tables, uint64_t address, uint32_t level)
{
    uint64_t *table = tables->pool;
    for (uint32_t current = 4; current > level; current--) {
        uint64_t *entry = &table[address / level_size(current) % ENTRIES];
        if (!*entry) {
            uint64_t *next = take_table(tables);
            if (!next)
                return NULL;
            *entry = (uint64_t)next | PRESENT | WRITE;
        }
        table = (uint64_t *)(*entry & ADDRESS_MASK);
    }
    return &table[address / level_size(level) % ENTRIES];
}

// Uses the largest pages, up to `largest_level`, that alignment and length allow.
static bool map_range(struct page_tables *tables, uint64_t address, uint64_t physical,
                      uint64_t size, uint64_t flags, uint32_t largest_level)
{
    if (!tables->no_execute)
        flags &= ~NO_EXECUTE;
    while (size > 0) {
        uint32_t level = largest_level;
        while (level > 1 && ((address | physical) % level_size(level) || size < level_size(level)))
            level--;
        uint64_t *entry = find_entry(tables, address, level);
        if (!entry)
            return false;
        *entry = physical | flags | (level > 1 ? LARGE : 0);
        address += level_size(level);
        physical += level_size(level);
        size -= level_size(level);
    }
    return true;
}

// Adjacent regions share large pages; the kernel image is left to map_kernel().
static bool map_regions(struct page_tables *tables, const struct boot_info *info)
{
    uint32_t largest_level = tables->gigabyte_pages ? 3 : 2;
    uint64_t base = 0, end = 0;
    for (uint32_t i = 0; i < info->region_count; i++) {
        const struct boot_region *region = &info->regions[i];
        if (!region_kind_is_mapped(region->kind) || region->kind == BOOT_REGION_KERNEL)
            continue;
        if (region->base != end) {
            if (!map_range(tables, DIRECT_MAP_BASE + base, base, end - base,
                           PRESENT | WRITE | GLOBAL | NO_EXECUTE, largest_level))
                return false;
            base = region->base;
        }
        end = region->base + region->page_count * PAGE_SIZE;
    }
    return map_range(tables, DIRECT_MAP_BASE + base, base, end - base,
                     PRESENT | WRITE | GLOBAL | NO_EXECUTE, largest_level);
}

// Each segment where it was linked, with its rights; the same pages in the direct map, writable
// only where the segment is, never executable.
static bool map_kernel(struct page_tables *tables, const struct boot_info *info,
                       const struct kernel_image *image)
{
    if (!map_range(tables, DIRECT_MAP_BASE + info->kernel_base, info->kernel_base,
                   info->kernel_size, PRESENT | GLOBAL | NO_EXECUTE, 1))
        return false;
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        uint64_t physical = info->kernel_base + (segment->page_base - image->virtual_base);
        uint64_t flags = PRESENT | GLOBAL | (segment->write ? WRITE : 0);
        if (!map_range(tables, segment->page_base, physical, segment->page_size,
                       flags | (segment->execute ? 0 : NO_EXECUTE), 1))
            return false;
        if (!map_range(tables, DIRECT_MAP_BASE + physical, physical, segment->page_size,
                       flags | NO_EXECUTE, 1))
            return false;
    }
    return true;
}

bool page_tables_build(struct page_tables *tables, const struct boot_info *info,
                       const struct kernel_image *image, uint64_t switch_code)
{
    uint64_t switch_page = switch_code & ~(PAGE_SIZE - 1);
    tables->used_pages = 0;
    return take_table(tables) && map_regions(tables, info) && map_kernel(tables, info, image) &&
           map_range(tables, switch_page, switch_page, 2 * PAGE_SIZE, PRESENT, 1);
}
