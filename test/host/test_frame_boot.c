// How the frame allocator comes up: maps of machines from 64 MiB to 8 GiB, and maps that lie.
#include <stdlib.h>
#include <string.h>

#include "lib/protection.h"
#include "machine.h"
#include "mem/frame_internal.h"
#include "test.h"

#define LOW_HOLE_END (2 * GIB) // RAM beyond this lies above 4 GiB

// A map as firmware gives it: scattered reserved pieces and, for large memory, the hole below 4
// GiB.
static void add_pc_map(uint64_t size)
{
    uint64_t low_end = size < LOW_HOLE_END ? size : LOW_HOLE_END;

    machine_boot_info()->page_table_root = 28 * MIB;
    machine_add_region(0, 0x9f000, BOOT_REGION_USABLE);
    machine_add_region(0x9f000, 0x61000, BOOT_REGION_RESERVED);
    machine_add_region(1 * MIB, 7 * MIB, BOOT_REGION_USABLE);
    machine_add_region(8 * MIB, 0x3000, BOOT_REGION_NVS);
    machine_add_region(8 * MIB + 0x3000, 0x1000, BOOT_REGION_USABLE);
    machine_add_region(8 * MIB + 0x4000, 0x7000, BOOT_REGION_LOADER);
    machine_add_region(8 * MIB + 0xb000, 20 * MIB - 0xb000, BOOT_REGION_USABLE);
    machine_add_region(28 * MIB, 2 * MIB, BOOT_REGION_KERNEL);
    machine_add_region(30 * MIB, low_end - 35 * MIB, BOOT_REGION_USABLE);
    machine_add_region(low_end - 5 * MIB, 2 * MIB, BOOT_REGION_RUNTIME);
    machine_add_region(low_end - 3 * MIB, 2 * MIB, BOOT_REGION_ACPI);
    machine_add_region(low_end - 1 * MIB, 0x5000, BOOT_REGION_USABLE);
    machine_add_region(0xfec00000, 0x1000, BOOT_REGION_MMIO);
    if (size > LOW_HOLE_END)
        machine_add_region(4 * GIB, size - LOW_HOLE_END, BOOT_REGION_USABLE);
}

static uint64_t count_usable(const struct boot_info *boot)
{
    uint64_t frames = 0;

    for (uint32_t i = 0; i < boot->region_count; i++) {
        const struct boot_region *region = &boot->regions[i];
        if (region->kind == BOOT_REGION_USABLE && region->base >= MIB)
            frames += region->page_count;
    }
    return frames;
}

static bool is_usable(const struct boot_info *boot, uint64_t address)
{
    for (uint32_t i = 0; i < boot->region_count; i++) {
        const struct boot_region *region = &boot->regions[i];
        if (region->kind == BOOT_REGION_USABLE && address >= region->base &&
            address - region->base < region->page_count * PAGE_SIZE)
            return true;
    }
    return false;
}

static uint64_t top_of_ram(const struct boot_info *boot)
{
    uint64_t top = 0;

    for (uint32_t i = 0; i < boot->region_count; i++) {
        const struct boot_region *region = &boot->regions[i];
        if (region->kind == BOOT_REGION_USABLE || region->kind == BOOT_REGION_ACPI)
            top = max_of(top, region->base + region->page_count * PAGE_SIZE);
    }
    return top;
}

// As if somebody had had each already: gigabytes need not be filled with poison.
static void call_all_poisoned(void)
{
    for (uint64_t i = 0; i < frame_allocator.frame_limit; i++)
        frame_allocator.descriptors[i].slab = FRAME_POISONED;
}

// Takes every frame there is: each once, each in a usable region, none of the first MiB or of the
// descriptors, and as many as the map says.
static void check_every_frame(const struct boot_info *boot, uint64_t span)
{
    uint8_t *seen = calloc(span / PAGE_SIZE, 1);
    struct frame_counts counts;
    struct frame *frame;
    uint64_t taken = 0, descriptor_frames;

    CHECK(seen != NULL);
    frames_count(&counts);
    CHECK_EQUAL(counts.free, counts.total);
    descriptor_frames = count_usable(boot) - counts.total;
    while ((frame = frames_allocate(0, FRAME_ANONYMOUS)) != NULL) {
        uint64_t address = frame_address(frame).value;
        CHECK(address >= MIB && is_usable(boot, address));
        CHECK(!seen[address / PAGE_SIZE]);
        seen[address / PAGE_SIZE] = 1;
        taken++;
    }
    CHECK_EQUAL(taken, counts.total);
    CHECK_EQUAL(descriptor_frames,
                align_up(top_of_ram(boot) / PAGE_SIZE * 32, PAGE_SIZE) / PAGE_SIZE);
    frames_count(&counts);
    CHECK_EQUAL(counts.free, 0);
    CHECK_EQUAL(counts.used[FRAME_ANONYMOUS], counts.total);
    free(seen);
}

static void boot_machine(uint64_t size)
{
    uint64_t span = size > LOW_HOLE_END ? size + 2 * GIB : size;

    machine_create(span);
    add_pc_map(size);
    frames_init(machine_boot_info());
    call_all_poisoned();
    check_every_frame(machine_boot_info(), span);
}

TEST(frames_boot_64_mib)
{
    boot_machine(64 * MIB);
}

TEST(frames_boot_128_mib)
{
    boot_machine(128 * MIB);
}

TEST(frames_boot_512_mib)
{
    boot_machine(512 * MIB);
}

TEST(frames_boot_2_gib)
{
    boot_machine(2 * GIB);
}

TEST(frames_boot_4_gib)
{
    boot_machine(4 * GIB);
}

TEST(frames_boot_8_gib)
{
    boot_machine(8 * GIB);
}

TEST(frames_boot_odd_sizes)
{
    boot_machine(64 * MIB + 0x7000);
}

static struct boot_info *lying_machine(void)
{
    machine_create(64 * MIB);
    add_pc_map(64 * MIB);
    return machine_boot_info();
}

TEST(frames_boot_overlapping_regions_panic)
{
    struct boot_info *boot = lying_machine();

    boot->regions[6].page_count++; // usable memory reaches into the kernel
    CHECK_PANICS(frames_init(boot), "overlap");
}

TEST(frames_boot_overlapping_usable_regions_panic)
{
    struct boot_info *boot = lying_machine();

    machine_add_region(9 * MIB, PAGE_SIZE, BOOT_REGION_USABLE);
    CHECK_PANICS(frames_init(boot), "overlap");
}

TEST(frames_boot_overlap_with_what_boot_info_names_panics)
{
    struct boot_info *boot = lying_machine();

#define CHECK_NAMED(base_field, size_field, what)                                                  \
    do {                                                                                           \
        boot->base_field = 12 * MIB + 5;                                                           \
        boot->size_field = 1;                                                                      \
        CHECK_PANICS(frames_init(boot), what);                                                     \
        boot->base_field = 0;                                                                      \
        boot->size_field = 0;                                                                      \
    } while (0)
    CHECK_NAMED(kernel_base, kernel_size, "the kernel");
    CHECK_NAMED(symbols_base, symbols_size, "the symbols");
    CHECK_NAMED(initramfs_base, initramfs_size, "the initramfs");
    CHECK_NAMED(boot_stack_base, boot_stack_size, "the boot stack");
    boot->framebuffer.format = BOOT_PIXEL_BGRX;
    CHECK_NAMED(framebuffer.base, framebuffer.size, "the framebuffer");
    boot->page_table_root = 12 * MIB;
    CHECK_PANICS(frames_init(boot), "the page tables");
    boot->page_table_root = 28 * MIB;
    memcpy(direct_map_pointer(phys_make(12 * MIB)), boot, sizeof(*boot));
    CHECK_PANICS(frames_init(direct_map_pointer(phys_make(12 * MIB))), "the boot information");
}

TEST(frames_boot_broken_regions_panic)
{
    struct boot_info *boot = lying_machine();

    boot->regions[5].base++;
    CHECK_PANICS(frames_init(boot), "broken region");
    boot->regions[5].base--;
    boot->regions[12].page_count = UINT64_MAX;
    CHECK_PANICS(frames_init(boot), "broken region");
    boot->regions[12].page_count = 1;
    boot->region_count = 0;
    CHECK_PANICS(frames_init(boot), "regions");
    boot->region_count = BOOT_REGION_LIMIT + 1;
    CHECK_PANICS(frames_init(boot), "regions");
}

TEST(frames_boot_unsorted_panics)
{
    struct boot_info *boot = lying_machine();
    struct boot_region first = boot->regions[2];

    boot->regions[2] = boot->regions[4];
    boot->regions[4] = first;
    CHECK_PANICS(frames_init(boot), "not sorted");
}

TEST(frames_boot_without_memory_panics)
{
    machine_create(64 * MIB);
    machine_boot_info()->page_table_root = 32 * MIB;
    machine_add_region(0, 0x9f000, BOOT_REGION_USABLE);
    machine_add_region(32 * MIB, 32 * MIB, BOOT_REGION_KERNEL);
    CHECK_PANICS(frames_init(machine_boot_info()), "no room");
}

TEST(frames_give_adds_exactly)
{
    struct frame_counts before, after;

    machine_start(64 * MIB);
    frames_count(&before);
    CHECK(frame_at(phys_make(MACHINE_INITRAMFS)) == NULL);
    frames_give(MACHINE_INITRAMFS, MACHINE_INITRAMFS_SIZE / PAGE_SIZE);
    frames_count(&after);
    CHECK_EQUAL(after.total, before.total + MACHINE_INITRAMFS_SIZE / PAGE_SIZE);
    CHECK_EQUAL(after.free, after.total);
    CHECK(frame_at(phys_make(MACHINE_INITRAMFS)) != NULL);
    machine_exhaust();
    CHECK_EQUAL(machine_free_frames(), 0);
    CHECK_PANICS(frames_give(MACHINE_INITRAMFS + PAGE_SIZE, 1), "twice");
}

TEST(frames_give_refuses_free_frames)
{
    machine_start(64 * MIB);
    CHECK_PANICS(frames_give(MACHINE_INITRAMFS - PAGE_SIZE, 2), "twice");
}

TEST(frames_give_keeps_the_first_mib_back)
{
    uint64_t before;

    machine_start(64 * MIB);
    before = machine_free_frames();
    frames_give(0, 0xa0);
    CHECK_EQUAL(machine_free_frames(), before);
    CHECK_PANICS(frames_give(64 * MIB, 1), "assertion");
}
