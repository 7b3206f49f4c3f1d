// The loader's moving of a kernel: which relocations it finds, what it changes, what it refuses.
#include <stdlib.h>
#include <string.h>

#include "efi/elf_image.h"
#include "efi_kernel.h"
#include "machine.h"
#include "test.h"

static uint8_t damaged[4 * PAGE_SIZE];

static uint64_t taken(const uint8_t *memory, size_t offset, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, memory + offset, size);
    return value;
}

TEST(efi_elf_image_moves)
{
    static uint8_t file[4 * PAGE_SIZE];
    static const uint32_t list[] = { 0x203, 0x80000000u | (PAGE_SIZE + 1) };
    struct kernel_image image;

    make_kernel(file);
    put(file, 0x203, (uint32_t)(KERNEL_IMAGE_BASE + 0x1234), 4);
    put(file, PAGE_SIZE + 1, KERNEL_IMAGE_BASE + 0x5678, 8);
    size_t size = add_relocations(file, list, ARRAY_SIZE(list));
    CHECK(elf_image_parse(file, size, &image) == NULL);
    CHECK_EQUAL(image.relocation_count, ARRAY_SIZE(list));
    uint64_t room = elf_image_room(&image);
    CHECK_EQUAL(room, (2048 * MIB - 2 * MIB - image.size) / PAGE_SIZE);
    for (int i = 0; i < 300; i++) {
        struct kernel_image moved = image;
        uint64_t pages = i == 0 ? room : random_below(room + 1), distance = pages * PAGE_SIZE;
        uint8_t *memory = calloc(1, image.size);
        elf_image_load(&moved, file, memory);
        CHECK(elf_image_move(&moved, file, memory, pages));
        CHECK_EQUAL(taken(memory, 0x203, 4), (uint32_t)(KERNEL_IMAGE_BASE + 0x1234 + distance));
        CHECK_EQUAL(taken(memory, PAGE_SIZE + 1, 8), KERNEL_IMAGE_BASE + 0x5678 + distance);
        CHECK_EQUAL(taken(memory, PAGE_SIZE + 9, 8), 0);
        CHECK_EQUAL(moved.virtual_base, KERNEL_IMAGE_BASE + distance);
        CHECK_EQUAL(moved.entry, image.entry + distance);
        CHECK_EQUAL(moved.segments[1].page_base, KERNEL_IMAGE_BASE + PAGE_SIZE + distance);
        free(memory);
    }
}

TEST(efi_elf_image_with_bad_relocations)
{
    static uint8_t file[4 * PAGE_SIZE];
    unsigned moved = 0, unmovable = 0;

    for (int i = 0; i < 20000; i++) {
        struct kernel_image image;
        uint32_t list[] = { 0x200 + (uint32_t)random_below(3 * PAGE_SIZE) };
        list[0] |= random_below(2) != 0 ? 0x80000000u : 0;
        make_kernel(file);
        for (size_t place = 0x200; place < 2 * PAGE_SIZE; place += 4)
            put(file, place, random_below(8) != 0 ? UINT32_MAX << random_below(16) : 0, 4);
        size_t size = add_relocations(file, list, 1);
        size_t place = 2 * PAGE_SIZE + 128 + random_below(size - 2 * PAGE_SIZE - 128);
        file[place] ^= (uint8_t)(random_below(4) == 0 ? 1u << random_below(8) : 0);
        if (elf_image_parse(file, size, &image) != NULL)
            continue;
        uint8_t *memory = calloc(1, image.size);
        elf_image_load(&image, file, memory);
        if (elf_image_room(&image) == 0)
            unmovable++;
        else
            moved += elf_image_move(&image, file, memory, random_below(256));
        free(memory);
    }
    CHECK(moved > 1000 && moved < 19000 && unmovable > 0);
}

// What becomes of the relocations when a field is this.
static uint64_t count_with(size_t offset, uint64_t value, size_t width)
{
    static const uint32_t list[] = { 0x203, 0x210 };
    struct kernel_image image;

    make_kernel(damaged);
    size_t size = add_relocations(damaged, list, ARRAY_SIZE(list));
    put(damaged, offset, value, width);
    uint8_t *file = malloc(size); // for ASan

    memcpy(file, damaged, size);
    const char *wrong = elf_image_parse(file, size, &image);
    free(file);
    if (wrong)
        CHECK_TEXT(wrong, "is truncated");
    return wrong ? UINT64_MAX : image.relocation_count;
}

TEST(efi_elf_image_finds_relocations)
{
    CHECK_EQUAL(count_with(SECTIONS, 0, 1), 2); // nothing is changed
    CHECK_EQUAL(count_with(58, 63, 2), 0);      // section headers of another size
    CHECK_EQUAL(count_with(62, 3, 2), 0);       // names: in no section
    CHECK_EQUAL(count_with(62, 2, 2), 0);       // or in another one
    CHECK_EQUAL(count_with(SECTIONS + 64 + 4, 8, 4), 0);
    CHECK_EQUAL(count_with(SECTIONS + 64 + 24, 4 * PAGE_SIZE, 8), 0);
    CHECK_EQUAL(count_with(SECTIONS + 64 + 32, 20, 8), 0); // not all of the last name
    CHECK_EQUAL(count_with(SECTIONS + 128, 9, 4), 0);      // it is called something else
    CHECK_EQUAL(count_with(SECTIONS + 128, UINT32_MAX, 4), 0);
    CHECK_EQUAL(count_with(SECTIONS + 128 + 4, 8, 4), UINT64_MAX);
    CHECK_EQUAL(count_with(SECTIONS + 128 + 24, 4 * PAGE_SIZE, 8), UINT64_MAX);
    CHECK_EQUAL(count_with(SECTIONS + 128 + 32, 4 * PAGE_SIZE, 8), UINT64_MAX);
}

// One relocation, of `value` at `place`, in an image of two pages. False: it is not moved.
static bool moves(uint64_t place, uint64_t value, size_t width, uint64_t pages)
{
    uint32_t list[] = { (uint32_t)place | (width == 8 ? 0x80000000u : 0) };
    struct kernel_image image;

    make_kernel(damaged);
    put(damaged, SEGMENT(1) + SEGMENT_MEMORY_SIZE, PAGE_SIZE, 8);
    if (place <= 2 * PAGE_SIZE - width)
        put(damaged, place, value, width);
    size_t size = add_relocations(damaged, list, 1);
    CHECK(elf_image_parse(damaged, size, &image) == NULL);
    uint8_t *memory = calloc(1, image.size);
    elf_image_load(&image, damaged, memory);
    bool moved = elf_image_move(&image, damaged, memory, pages);
    if (moved)
        CHECK_EQUAL(taken(memory, place, width),
                    width == 8 ? value + pages * PAGE_SIZE
                               : (uint32_t)value + (uint32_t)(pages * PAGE_SIZE));
    free(memory);
    return moved;
}

TEST(efi_elf_image_moves_addresses_of_its_own)
{
    const uint64_t end = 2 * PAGE_SIZE;

    for (uint64_t pages = 0; pages < 3; pages++) {
        CHECK(moves(0x300, KERNEL_IMAGE_BASE, 8, pages));
        CHECK(!moves(0x300, KERNEL_IMAGE_BASE - 1, 8, pages));
        CHECK(!moves(0x300, 0, 8, pages));
        CHECK(!moves(0x300, (uint32_t)KERNEL_IMAGE_BASE, 8, pages)); // half of one
        CHECK(moves(0x300, KERNEL_IMAGE_BASE, 4, pages));
        CHECK(!moves(0x300, KERNEL_IMAGE_BASE - 1, 4, pages));
        CHECK(moves(end - 8, KERNEL_IMAGE_BASE + 5, 8, pages));
        CHECK(moves(end - 4, KERNEL_IMAGE_BASE + 5, 4, pages));
        CHECK(!moves(end - 7, KERNEL_IMAGE_BASE + 5, 8, pages));
        CHECK(!moves(end - 3, KERNEL_IMAGE_BASE + 5, 4, pages));
    }
    CHECK(!moves(0x300, UINT64_MAX - 10, 8, 1)); // around
}

// The first page of the window is not the image's: nor is a place in it.
TEST(efi_elf_image_that_begins_later)
{
    static const uint32_t list[] = { 0x203 };
    struct kernel_image image;

    make_kernel(damaged);
    for (uint64_t i = 0; i < 2; i++)
        put(damaged, SEGMENT(i) + SEGMENT_VIRTUAL, KERNEL_IMAGE_BASE + (1 + i) * PAGE_SIZE, 8);
    put(damaged, 24, KERNEL_IMAGE_BASE + PAGE_SIZE, 8);
    put(damaged, 0x203, (uint32_t)KERNEL_IMAGE_BASE, 4);
    size_t size = add_relocations(damaged, list, 1);
    CHECK(elf_image_parse(damaged, size, &image) == NULL);
    CHECK_EQUAL(image.virtual_base, KERNEL_IMAGE_BASE + PAGE_SIZE);
    uint8_t *memory = calloc(1, image.size);
    elf_image_load(&image, damaged, memory);
    CHECK(!elf_image_move(&image, damaged, memory, 1));
    free(memory);
    image.size = UINT64_MAX - image.virtual_base - (2ull << 20) + 2; // beyond what there is
    CHECK_EQUAL(elf_image_room(&image), 0);
}
