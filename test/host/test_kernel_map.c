// The kernel's half: what kernel_map_init() leaves, device memory, stacks and their guard pages.
#include <stdlib.h>
#include <string.h>

#include "cpu/registers.h"
#include "lib/protection.h"
#include "machine.h"
#include "mem/kernel_map.h"
#include "mem/page_table.h"
#include "stubs.h"
#include "test.h"
#include "threads.h"
#include "walk.h"

#define MEMORY (64 * MIB)
#define PAT_INDEX_WRITE_COMBINING 4

// The index into the PAT that an entry selects: PAT, PCD, PWT (SDM vol. 3A, 11.12.3).
static unsigned pat_index(struct walk_result found)
{
    unsigned pat = found.size == PAGE_SIZE ? found.entry >> 7 & 1 : found.entry >> 12 & 1;

    return pat << 2 | (found.entry >> 3 & 3);
}

static unsigned pat_type(unsigned index)
{
    return fake_cpu.msr_value >> (8 * index) & 7;
}

TEST(kernel_map_takes_over)
{
    fake_cpu.cr4 = CR4_PGE | 0x20;
    machine_start_mapped(MEMORY);
    const uint64_t *root = direct_map_pointer(kernel_page_table_root);

    CHECK_EQUAL(kernel_page_table_root.value, MACHINE_ROOT);
    for (uint32_t i = 0; i < 256; i++)
        CHECK_EQUAL(root[i], 0);
    CHECK_EQUAL(root[256], 0x2003);
    CHECK(root[STACK_AREA_BASE >> 39 & 511] != 0);
    CHECK_EQUAL(fake_cpu.msr_number, MSR_PAT);
    CHECK_EQUAL(pat_type(0), 6); // write-back
    CHECK_EQUAL(pat_type(3), 0); // uncached
    CHECK_EQUAL(pat_type(PAT_INDEX_WRITE_COMBINING), 1);
    CHECK_EQUAL(fake_cpu.cr3, MACHINE_ROOT);
    CHECK_EQUAL(fake_cpu.cr4, CR4_PGE | 0x20);
    CHECK_EQUAL(fake_cpu.global_flushes, 1);
}

static void check_device(uint64_t physical, uint64_t size, unsigned type)
{
    for (uint64_t offset = 0; offset < size; offset += min_of(PAGE_SIZE, size)) {
        struct walk_result found =
            walk_tables(kernel_page_table_root, DEVICE_MAP_BASE + physical + offset);
        CHECK(found.mapped && found.writable && !found.user && !found.executable);
        CHECK_EQUAL(found.physical, physical + offset);
        CHECK_EQUAL(pat_type(pat_index(found)), type);
    }
}

TEST(device_map_ranges)
{
    static const struct {
        uint64_t physical, size;
    } ranges[] = {
        { 0xfee00000, 0x1000 },     { 0xfec00010, 4 },
        { 0xfed00ffe, 4 },          { 0xc0000000, 8 * MIB },
        { 0xd01ff000, 5 * MIB },    { 0xe0000123, 2 * MIB },
        { 0x3ffffff000, 0x2000 },   { 0, 1 },
        { DEVICE_MAP_SIZE - 1, 1 },
    };

    machine_start_mapped(MEMORY);
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        enum device_memory kind = i % 2 ? DEVICE_WRITE_COMBINING : DEVICE_UNCACHED;
        volatile void *mapped = device_map(ranges[i].physical, ranges[i].size, kind);
        CHECK_EQUAL((uint64_t)mapped, DEVICE_MAP_BASE + ranges[i].physical);
        check_device(ranges[i].physical, ranges[i].size, i % 2 ? 1 : 0);
    }
    // What lies beside them is not mapped; other roots see what is.
    CHECK(!walk_tables(kernel_page_table_root, DEVICE_MAP_BASE + 0xfee01000).mapped);
    CHECK(!walk_tables(kernel_page_table_root, DEVICE_MAP_BASE + 0xfedfffff).mapped);
    CHECK(walk_tables(page_table_create(), DEVICE_MAP_BASE + 0xfee00000).mapped);
}

// Roots that were made before would not see a new entry of the kernel's root.
TEST(device_map_changes_no_shared_root)
{
    machine_start_mapped(MEMORY);
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_UNCACHED) != NULL);
    phys_addr root = page_table_create();
    CHECK(device_map(0xfec00000, 0x1000, DEVICE_UNCACHED) != NULL);
    CHECK(walk_tables(root, DEVICE_MAP_BASE + 0xfec00000).mapped);
    CHECK(device_map(0x8000000000, 0x1000, DEVICE_UNCACHED) == NULL);
    CHECK(!walk_tables(kernel_page_table_root, DEVICE_MAP_BASE + 0x8000000000).mapped);
}

TEST(device_map_large_pages)
{
    machine_start_mapped(MEMORY);
    uint64_t before = machine_free_frames();
    CHECK(device_map(0x4000000000, 256 * MIB, DEVICE_WRITE_COMBINING) != NULL);
    CHECK(before - machine_free_frames() <= 2); // no tables of small pages
    struct walk_result found = walk_tables(kernel_page_table_root, DEVICE_MAP_BASE + 0x4000000000);
    CHECK_EQUAL(found.size, 2 * MIB);
    // A part of it again, and the same once more.
    CHECK(device_map(0x4000201234, 0x5000, DEVICE_WRITE_COMBINING) != NULL);
    CHECK(device_map(0x4000000000, 256 * MIB, DEVICE_WRITE_COMBINING) != NULL);
    check_device(0x4000000000, 256 * MIB, 1);
}

TEST(device_map_keeps_one_type_per_page)
{
    machine_start_mapped(MEMORY);
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_UNCACHED) != NULL);
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_UNCACHED) != NULL);
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_WRITE_COMBINING) == NULL);
    CHECK(device_map(0xc0000000, 2 * MIB, DEVICE_WRITE_COMBINING) != NULL);
    CHECK(device_map(0xc0001000, 0x1000, DEVICE_UNCACHED) == NULL);
    // A small page inside, then the whole: still mapped right, by small pages.
    CHECK(device_map(0xc0400000 + 0x3000, 0x1000, DEVICE_UNCACHED) != NULL);
    CHECK(device_map(0xc0400000, 2 * MIB, DEVICE_UNCACHED) != NULL);
    check_device(0xc0400000, 2 * MIB, 0);
}

TEST(device_map_refuses_what_cannot_be)
{
    machine_start_mapped(MEMORY);
    CHECK(device_map(0xfee00000, 0, DEVICE_UNCACHED) == NULL);
    CHECK(device_map(DEVICE_MAP_SIZE, 1, DEVICE_UNCACHED) == NULL);
    CHECK(device_map(DEVICE_MAP_SIZE - 1, 2, DEVICE_UNCACHED) == NULL);
    CHECK(device_map(UINT64_MAX - 10, 100, DEVICE_UNCACHED) == NULL);
    machine_exhaust();
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_UNCACHED) == NULL);
    machine_give_back(3);
    CHECK(device_map(0xfee00000, 0x1000, DEVICE_UNCACHED) != NULL);
}

TEST(kernel_stack_pages_are_mapped)
{
    machine_start_mapped(MEMORY);
    uint64_t top = kernel_stack_allocate();

    CHECK(top != 0 && top % 16 == 0);
    for (uint64_t below = 1; below <= KERNEL_STACK_PAGES * PAGE_SIZE; below += 511) {
        struct walk_result found = walk_tables(kernel_page_table_root, top - below);
        CHECK(found.mapped && found.writable && !found.user && !found.executable);
        CHECK(!kernel_stack_is_guard(top - below));
    }
    CHECK(!walk_tables(kernel_page_table_root, top).mapped); // the next slot's guard
    CHECK(walk_tables(page_table_create(), top - 8).mapped);
}

TEST_PROTECTION("guard", kernel_stack_guard_is_unmapped)
{
    machine_start_mapped(MEMORY);
    for (uint32_t i = 0; i < 10; i++) {
        uint64_t bottom = kernel_stack_allocate() - KERNEL_STACK_PAGES * PAGE_SIZE;
        CHECK(kernel_stack_is_guard(bottom - 1) && kernel_stack_is_guard(bottom - PAGE_SIZE));
        CHECK(!walk_tables(kernel_page_table_root, bottom - 1).mapped);
        CHECK(!walk_tables(kernel_page_table_root, bottom - PAGE_SIZE).mapped);
    }
}

TEST(kernel_stack_guard_elsewhere)
{
    machine_start_mapped(MEMORY);
    CHECK(!kernel_stack_is_guard(0));
    CHECK(!kernel_stack_is_guard(STACK_AREA_BASE - 1));
    CHECK(!kernel_stack_is_guard(UINT64_MAX));
    CHECK(!kernel_stack_is_guard(DEVICE_MAP_BASE));
    CHECK(kernel_stack_is_guard(STACK_AREA_BASE));
}

TEST(kernel_stacks_come_back_to_the_last_frame)
{
    static uint64_t tops[300];
    static bool live[300];
    uint64_t count = 0, before;

    machine_start_mapped(MEMORY);
    kernel_stack_release(kernel_stack_allocate()); // the directories stay
    kernel_stacks_drain();
    before = machine_free_frames();
    for (uint32_t round = 0; round < 20000; round++) {
        uint64_t i = random_below(ARRAY_SIZE(tops));
        if (live[i]) {
            kernel_stack_release(tops[i]);
            count--;
        } else {
            tops[i] = kernel_stack_allocate();
            CHECK(tops[i] != 0);
            count++;
        }
        live[i] = !live[i];
        CHECK_EQUAL(kernel_stacks_live(), count);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(tops); i++) {
        for (uint32_t j = 0; live[i] && j < i; j++)
            CHECK(!live[j] || tops[i] != tops[j]);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(tops); i++) {
        if (live[i])
            kernel_stack_release(tops[i]);
    }
    uint64_t cached = before - machine_free_frames();
    CHECK(cached > 0);
    CHECK_EQUAL(kernel_stacks_drain(), cached);
    CHECK_EQUAL(machine_free_frames(), before);
    CHECK_EQUAL(kernel_stacks_drain(), 0);
    CHECK(!walk_tables(kernel_page_table_root, tops[0] - 8).mapped);
}

static uint64_t flushed_top;
static uint64_t flush_calls;

// Each call comes here twice, before it and back after it.
static void count_flush(struct percpu *cpu)
{
    static bool is_back;

    flush_calls += !is_back;
    is_back = !is_back;
}

// When CPUs are called the entry is gone and its frame is still ours.
static void check_flush(struct percpu *cpu)
{
    uint64_t *entry = page_table_entry(kernel_page_table_root, flushed_top - PAGE_SIZE, false);

    count_flush(cpu);
    if (flush_calls == 1 && entry != NULL && *entry != 0) {
        CHECK((*entry & PTE_PRESENT) == 0);
        CHECK_EQUAL(frame_at(pte_address(*entry))->use, FRAME_STACK);
    }
}

TEST(kernel_stack_unmap_flushes)
{
    machine_start_mapped(MEMORY);
    uint64_t top = kernel_stack_allocate();
    kernel_stack_release(top);
    flushed_top = top;
    after_cpu_change = check_flush;
    kernel_stacks_drain();
    CHECK_EQUAL(flush_calls, 2); // for the stack, and for the table
}

// Each release beyond the cache would call all CPUs, were they not collected.
TEST(kernel_stack_storm_flushes_seldom)
{
    static uint64_t tops[500];

    machine_start_mapped(MEMORY);
    after_cpu_change = count_flush;
    for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
        tops[i] = kernel_stack_allocate();
        CHECK(tops[i] != 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
        kernel_stack_release(tops[i]);
    CHECK(flush_calls > 0 && flush_calls <= ARRAY_SIZE(tops) / 32);
}

TEST(kernel_stacks_without_memory)
{
    machine_start_mapped(MEMORY);
    kernel_stack_release(kernel_stack_allocate());
    kernel_stacks_drain();
    uint64_t before = machine_free_frames();
    machine_exhaust();
    for (uint32_t given = 0; given < KERNEL_STACK_PAGES + 1; given++) {
        CHECK_EQUAL(kernel_stack_allocate(), 0);
        CHECK_EQUAL(kernel_stacks_live(), 0);
        machine_give_back(1);
    }
    if (!PROTECT_GUARD)
        machine_give_back(1);
    CHECK(kernel_stack_allocate() != 0);
    kernel_stack_release(STACK_AREA_BASE + 8 * PAGE_SIZE);
    kernel_stacks_drain();
    machine_give_back(UINT64_MAX);
    CHECK_EQUAL(machine_free_frames(), before);
}

TEST(kernel_stack_misuse_panics)
{
    machine_start_mapped(MEMORY);
    uint64_t top = kernel_stack_allocate();
    CHECK_PANICS(kernel_stack_release(top - 16), "assertion");
    CHECK_PANICS(kernel_stack_release(top + 8 * PAGE_SIZE), "assertion");
    CHECK_PANICS(kernel_stack_release(0), "assertion");
    kernel_stack_release(top);
    if (DEBUG_CHECKS)
        CHECK_PANICS(kernel_stack_release(top), "assertion");
}

TEST(kernel_map_direct_page_is_for_ring_0)
{
    machine_start_mapped(MEMORY);
    phys_addr root = page_table_create();

    CHECK_EQUAL(kernel_map_direct_page(root, 0x400000, phys_make(0x777000)), 0);
    struct walk_result found = walk_tables(root, 0x400010);
    CHECK(found.mapped && found.writable && found.executable && !found.user);
    CHECK_EQUAL(found.physical, 0x777010);
    machine_exhaust();
    CHECK(kernel_map_direct_page(root, 0x700000000000, phys_make(0x777000)) == -12);
    CHECK_PANICS((void)kernel_map_direct_page(root, DEVICE_MAP_BASE, phys_make(0)), "assertion");
}
