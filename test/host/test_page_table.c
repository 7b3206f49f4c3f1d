// Page tables against a model, and the frames they take, to the last one.
#include <stdlib.h>
#include <string.h>

#include "cpu/frame.h"
#include "lib/protection.h"
#include "machine.h"
#include "mem/page_table.h"
#include "test.h"
#include "walk.h"

#define MEMORY (64 * MIB)
#define PAGES 400u

static uint64_t pages[PAGES]; // sorted, distinct

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

// Clusters, so that tables are shared by some pages and skipped by others.
static void choose_pages(void)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        uint64_t base = random_below(4) == 0 ? random_number() : pages[random_below(i + 1)];
        pages[i] =
            align_down((base + random_below(40) * PAGE_SIZE) % USER_ADDRESS_LIMIT, PAGE_SIZE);
    }
    qsort(pages, PAGES, sizeof(pages[0]), compare_numbers);
    for (uint32_t i = 1; i < PAGES; i++) {
        if (pages[i] <= pages[i - 1])
            pages[i] = pages[i - 1] + PAGE_SIZE;
    }
}

static uint64_t expected_entry(uint32_t i)
{
    return (i + 1ull) << PAGE_SHIFT | PTE_PRESENT | PTE_USER | (i % 2 ? PTE_WRITE : 0);
}

static void map_pages(phys_addr root)
{
    for (uint32_t i = 0; i < PAGES; i++) {
        CHECK(page_table_entry(root, pages[i], false) == NULL ||
              *page_table_entry(root, pages[i], false) == 0);
        uint64_t *entry = page_table_entry(root, pages[i], true);
        CHECK(entry != NULL && *entry == 0);
        *entry = expected_entry(i);
    }
}

static void unmap_pages(phys_addr root)
{
    for (uint32_t i = 0; i < PAGES; i++)
        *page_table_entry(root, pages[i], false) = 0;
}

TEST(page_table_maps_and_gives_everything_back)
{
    machine_start_mapped(MEMORY);
    uint64_t before = machine_free_frames();
    phys_addr root = page_table_create();

    CHECK(root.value != 0);
    choose_pages();
    map_pages(root);
    for (uint32_t i = 0; i < PAGES; i++) {
        struct walk_result found = walk_tables(root, pages[i] + 123);
        CHECK(found.mapped && found.user && found.executable);
        CHECK_EQUAL(found.physical, ((i + 1ull) << PAGE_SHIFT) + 123);
        CHECK_EQUAL(found.writable, i % 2);
    }
    unmap_pages(root);
    page_table_destroy(root);
    CHECK_EQUAL(machine_free_frames(), before);
}

TEST(page_table_next_mapped_against_model)
{
    machine_start_mapped(MEMORY);
    phys_addr root = page_table_create();

    choose_pages();
    map_pages(root);
    for (uint32_t round = 0; round < 3000; round++) {
        uint64_t near = pages[random_below(PAGES)] + (random_below(7) - 3) * PAGE_SIZE;
        uint64_t start = align_down(round % 2 ? random_below(USER_ADDRESS_LIMIT) : near, PAGE_SIZE);
        start %= USER_ADDRESS_LIMIT;
        uint64_t end =
            min_of(start + (random_below(2) ? random_number() % GIB : USER_ADDRESS_LIMIT),
                   USER_ADDRESS_LIMIT);
        uint64_t *entry = NULL;
        uint32_t i = 0;
        while (i < PAGES && pages[i] < start)
            i++;
        bool expected = i < PAGES && pages[i] < end;
        uint64_t found = page_table_next_mapped(root, start, end, &entry);
        CHECK_EQUAL(found, expected ? pages[i] : end);
        CHECK(!expected || (entry != NULL && *entry == expected_entry(i)));
    }
    uint64_t *entry;
    CHECK_EQUAL(page_table_next_mapped(root, 0, 0, &entry), 0);
}

TEST(page_table_kernel_half_is_shared)
{
    machine_start_mapped(MEMORY);
    phys_addr first = page_table_create(), second = page_table_create();
    const uint64_t *kernel = direct_map_pointer(kernel_page_table_root);

    for (uint32_t i = 0; i < 512; i++) {
        uint64_t expected = i < 256 ? 0 : kernel[i];
        CHECK_EQUAL(((uint64_t *)direct_map_pointer(first))[i], expected);
        CHECK_EQUAL(((uint64_t *)direct_map_pointer(second))[i], expected);
    }
    CHECK(kernel[256] != 0);
}

// Every allocation on the way fails once; the tables that were made until then are not lost.
TEST(page_table_without_memory)
{
    machine_start_mapped(MEMORY);
    uint64_t before = machine_free_frames();
    machine_exhaust();
    CHECK_EQUAL(page_table_create().value, 0);
    machine_give_back(1);
    phys_addr root = page_table_create();
    CHECK(root.value != 0);
    for (int tables = 0; tables < 3; tables++) {
        CHECK(page_table_entry(root, 0x123456789000, true) == NULL);
        CHECK_EQUAL(machine_free_frames(), 0);
        machine_give_back(1);
    }
    CHECK(page_table_entry(root, 0x123456789000, true) != NULL);
    page_table_destroy(root);
    machine_give_back(UINT64_MAX);
    CHECK_EQUAL(machine_free_frames(), before);
}

TEST(page_table_destroy_in_steps)
{
    machine_start_mapped(MEMORY);
    uint64_t before = machine_free_frames();
    phys_addr root = page_table_create();
    uint32_t steps = 1;

    choose_pages();
    map_pages(root);
    unmap_pages(root);
    uint64_t tables = before - machine_free_frames();
    for (; !page_table_destroy_step(root, 8); steps++)
        CHECK(before - machine_free_frames() + steps * (8 + 3) >= tables);
    CHECK(steps >= tables / (8 + 3));
    CHECK_EQUAL(machine_free_frames(), before);
}

// Tables of a space that is gone hold nothing of it.
TEST(page_table_is_empty_again)
{
    machine_start_mapped(MEMORY);
    choose_pages();
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t *entry;
        phys_addr root = page_table_create();
        map_pages(root); // asserts that every entry is 0
        unmap_pages(root);
        page_table_destroy(root);
        root = page_table_create();
        CHECK_EQUAL(page_table_next_mapped(root, 0, USER_ADDRESS_LIMIT, &entry),
                    USER_ADDRESS_LIMIT);
        CHECK(page_table_entry(root, pages[round], false) == NULL);
        page_table_destroy(root);
    }
}

TEST(page_table_destroy_with_a_mapped_page_panics)
{
    machine_start_mapped(MEMORY);
    phys_addr root = page_table_create();
    *page_table_entry(root, 0x400000, true) = 0x5000 | PTE_PRESENT;
    if (DEBUG_CHECKS)
        CHECK_PANICS(page_table_destroy(root), "assertion");
}

TEST(page_table_destroy_of_the_kernel_root_panics)
{
    machine_start_mapped(MEMORY);
    CHECK_PANICS(page_table_destroy(kernel_page_table_root), "assertion");
}
