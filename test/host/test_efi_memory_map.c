// The loader's memory map against a page-by-page model: random firmware maps with overlaps and
// holes, and pieces carved out of them.
#include <string.h>

#include "efi/memory_map.h"
#include "machine.h"
#include "test.h"

#define PAGES 256u
#define DESCRIPTORS 20u
#define EFI_LOADER_CODE 1u
#define EFI_BOOT_SERVICES_DATA 4u
#define EFI_CONVENTIONAL 7u
#define EFI_WRITE_BACK_AND_LESS 0xfu

// Firmware may use larger descriptors than the specification knows.
struct large_descriptor {
    struct firmware_descriptor known;
    uint64_t unknown;
};

static struct boot_info info;
static struct large_descriptor map[DESCRIPTORS];
static int owner_of_page[PAGES]; // descriptor, -1 for none
static uint64_t carved_start, carved_end;

static bool is_free_memory(const struct firmware_descriptor *descriptor)
{
    return ((descriptor->type >= EFI_LOADER_CODE && descriptor->type <= EFI_BOOT_SERVICES_DATA) ||
            descriptor->type == EFI_CONVENTIONAL) &&
           descriptor->attributes == EFI_WRITE_BACK_AND_LESS;
}

static void make_map(unsigned count)
{
    memset(map, 0, sizeof(map));
    for (unsigned i = 0; i < count; i++) {
        uint64_t first = random_below(PAGES), choice = random_below(16);
        map[i].known = (struct firmware_descriptor){
            .type = (uint32_t)random_below(16),
            .physical = first * PAGE_SIZE,
            .page_count = random_below(PAGES - first + 1),
            .attributes = choice == 0   ? 1
                          : choice == 1 ? 0x4000f
                                        : EFI_WRITE_BACK_AND_LESS,
        };
    }
}

// Later descriptors win over earlier ones, and what is not free over all that is.
static void make_model(unsigned count)
{
    for (unsigned page = 0; page < PAGES; page++)
        owner_of_page[page] = -1;
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < count; i++) {
            uint64_t first = map[i].known.physical / PAGE_SIZE;
            if (is_free_memory(&map[i].known) != (pass == 0))
                continue;
            for (uint64_t page = first; page < first + map[i].known.page_count; page++)
                owner_of_page[page] = (int)i;
        }
    }
}

static void check_page(const struct boot_region *region, uint64_t page)
{
    if (page >= carved_start && page < carved_end) {
        CHECK_EQUAL(region->kind, BOOT_REGION_KERNEL);
        return;
    }
    CHECK(page < PAGES && owner_of_page[page] >= 0);
    const struct firmware_descriptor *owner = &map[owner_of_page[page]].known;
    bool usable = region->kind == BOOT_REGION_USABLE;
    CHECK_EQUAL(region->firmware_type, usable ? 7 : owner->type);
    CHECK_EQUAL(region->attributes, owner->attributes);
    CHECK_EQUAL(usable, is_free_memory(owner));
}

static void check_regions(void)
{
    bool seen[PAGES] = { false };
    uint64_t end = 0;

    for (uint32_t i = 0; i < info.region_count; i++) {
        const struct boot_region *region = &info.regions[i];
        CHECK(region->base >= end && region->page_count > 0);
        CHECK(i == 0 || region->base != end || region[-1].kind != region->kind ||
              region[-1].firmware_type != region->firmware_type ||
              region[-1].attributes != region->attributes);
        end = region->base + region->page_count * PAGE_SIZE;
        for (uint64_t page = region->base / PAGE_SIZE; page < end / PAGE_SIZE; page++) {
            check_page(region, page);
            seen[page] = true;
        }
    }
    for (unsigned page = 0; page < PAGES; page++)
        CHECK_EQUAL(seen[page],
                    owner_of_page[page] >= 0 || (page >= carved_start && page < carved_end));
}

TEST(efi_memory_map_against_model)
{
    for (int i = 0; i < 5000; i++) {
        unsigned count = (unsigned)random_below(DESCRIPTORS);
        make_map(count);
        make_model(count);
        CHECK(memory_map_convert(&info, map, count, sizeof(map[0])));
        carved_start = carved_end = 0;
        check_regions();
        carved_start = random_below(200);
        carved_end = carved_start + 1 + random_below(50);
        CHECK(memory_map_carve(&info, carved_start * PAGE_SIZE,
                               (carved_end - carved_start) * PAGE_SIZE - 100, BOOT_REGION_KERNEL));
        check_regions();
    }
}

// As many regions as there is room for, and one more, either way.
TEST(efi_memory_map_with_too_many_regions)
{
    static struct firmware_descriptor many[BOOT_REGION_LIMIT + 1];
    static struct {
        struct boot_info info;
        uint8_t behind[64];
    } room;

    for (unsigned i = 0; i < BOOT_REGION_LIMIT + 1; i++)
        many[i] = (struct firmware_descriptor){
            .type = EFI_CONVENTIONAL,
            .physical = 4ull * i * PAGE_SIZE,
            .page_count = 3,
            .attributes = EFI_WRITE_BACK_AND_LESS,
        };
    CHECK(!memory_map_convert(&room.info, many, BOOT_REGION_LIMIT + 1, sizeof(many[0])));
    CHECK(memory_map_convert(&room.info, many, BOOT_REGION_LIMIT, sizeof(many[0])));
    CHECK_EQUAL(room.info.region_count, BOOT_REGION_LIMIT);
    CHECK(memory_map_carve(&room.info, 0, 3 * PAGE_SIZE, BOOT_REGION_KERNEL));
    CHECK(!memory_map_carve(&room.info, PAGE_SIZE, PAGE_SIZE, BOOT_REGION_LOADER));
    CHECK_EQUAL(room.info.region_count, BOOT_REGION_LIMIT);
    for (unsigned i = 0; i < sizeof(room.behind); i++)
        CHECK_EQUAL(room.behind[i], 0);
}
