// The loader's reader of kernel.elf: what it takes, what it says of what it refuses. Files
// are as long as they are said to be, for ASan.
#include <stdlib.h>
#include <string.h>

#include "efi/elf_image.h"
#include "efi_kernel.h"
#include "machine.h"
#include "test.h"

#define WINDOW IMAGE_WINDOW_SIZE
// What a parser lets through must be safe to load: ASan sees both blocks.
static void check_image(const uint8_t *file, const struct kernel_image *image)
{
    CHECK(image->size <= IMAGE_WINDOW_SIZE && image->virtual_base >= KERNEL_IMAGE_BASE);
    for (uint32_t i = 1; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        CHECK(segment->page_base >= segment[-1].page_base + segment[-1].page_size);
        CHECK(!(segment->write && segment->execute));
    }
    if (image->size <= 8 * MIB) {
        void *memory = calloc(1, image->size);
        CHECK(memory != NULL);
        elf_image_load(image, file, memory);
        free(memory);
    }
}

TEST(efi_elf_image_with_random_damage)
{
    static uint8_t original[3 * PAGE_SIZE];
    static const uint64_t values[] = {
        0,        1,          PAGE_SIZE, 2 * PAGE_SIZE, 1ull << 30, KERNEL_IMAGE_BASE,
        -4096ull, UINT64_MAX, INT64_MAX
    };
    struct kernel_image image;
    size_t size = make_kernel(original);
    unsigned accepted = 0;

    CHECK(elf_image_parse(original, size, &image) == NULL);
    CHECK_EQUAL(image.segment_count, 2);
    CHECK_EQUAL(image.size, 3 * PAGE_SIZE);
    for (int i = 0; i < 20000; i++) {
        size_t length = random_below(4) != 0 ? size : random_below(size);
        uint8_t *file = malloc(length != 0 ? length : 1);
        memcpy(file, original, length);
        for (uint64_t damage = 1 + random_below(3); damage > 0 && length > 200; damage--) {
            uint64_t value = values[random_below(ARRAY_SIZE(values))] + random_below(3) - 1;
            size_t width = 1ull << random_below(4);
            memcpy(file + 16 + random_below(160), &value, width);
        }
        if (elf_image_parse(file, length, &image) == NULL) {
            check_image(file, &image);
            accepted++;
        }
        free(file);
    }
    CHECK(accepted > 100);
}

static uint8_t damaged[4 * PAGE_SIZE];

// Parses a copy of the file that is exactly so long.
static const char *parse(size_t size, struct kernel_image *image)
{
    uint8_t *file = malloc(size);

    memcpy(file, damaged, size);
    memset(image, 0xa5, sizeof(*image));
    const char *wrong = elf_image_parse(file, size, image);
    free(file);
    return wrong;
}

static const struct damage {
    size_t offset, size;
    uint64_t value;
    const char *reason; // NULL: it is taken all the same
} damages[] = {
    { 0, 1, 0x7e, "is not an ELF file" },
    { 4, 1, 1, "is a 32-bit ELF file, not a 64-bit one" },
    { 5, 1, 2, "is for another kind of machine, not x86-64" },
    { 18, 2, 3, "is for another kind of machine, not x86-64" },
    { 16, 2, 3, "is an ELF file but not an executable" },
    { 54, 2, 57, "has program headers of an unknown size" },
    { 32, 8, 2 * PAGE_SIZE - 111, "is truncated" },
    { 32, 8, 2 * PAGE_SIZE + 1, "is truncated" },
    { 32, 8, UINT64_MAX, "is truncated" },
    { 40, 8, 2 * PAGE_SIZE, NULL }, // no section headers, there
    { 40, 8, 2 * PAGE_SIZE + 1, "is truncated" },
    { 24, 8, KERNEL_IMAGE_BASE, NULL },
    { 24, 8, KERNEL_IMAGE_BASE + PAGE_SIZE - 1, NULL },
    { 24, 8, KERNEL_IMAGE_BASE + PAGE_SIZE, "has an entry point outside its code" },
    { 24, 8, KERNEL_IMAGE_BASE - 1, "has an entry point outside its code" },
    { SEGMENT(0), 4, 4, "has an entry point outside its code" }, // a note, not loaded
    { SEGMENT(1), 4, 4, NULL },
    { SEGMENT(0) + SEGMENT_OFFSET, 8, PAGE_SIZE + 1, "is truncated" },
    { SEGMENT(0) + SEGMENT_OFFSET, 8, PAGE_SIZE, NULL },
    { SEGMENT(0) + SEGMENT_MEMORY_SIZE, 8, PAGE_SIZE - 1,
      "has a segment that is larger in the file than in memory" },
    { SEGMENT(0) + SEGMENT_VIRTUAL, 8, KERNEL_IMAGE_BASE - PAGE_SIZE,
      "has a segment outside the kernel's part of the address space" },
    { SEGMENT(1) + SEGMENT_MEMORY_SIZE, 8, WINDOW - PAGE_SIZE, NULL },
    { SEGMENT(1) + SEGMENT_MEMORY_SIZE, 8, WINDOW - PAGE_SIZE + 1,
      "has a segment outside the kernel's part of the address space" },
    { SEGMENT(1) + SEGMENT_MEMORY_SIZE, 8, UINT64_MAX,
      "has a segment outside the kernel's part of the address space" },
    { SEGMENT(0) + SEGMENT_FLAGS, 4, 7, "has a segment that is both writable and executable" },
    { SEGMENT(1) + SEGMENT_FLAGS, 4, 3, "has a segment that is both writable and executable" },
    { SEGMENT(1) + SEGMENT_FLAGS, 4, 5, NULL },
    { SEGMENT(1) + SEGMENT_VIRTUAL, 8, KERNEL_IMAGE_BASE + PAGE_SIZE - 1,
      "has segments that overlap, share a page or are out of order" },
};

TEST(efi_elf_image_says_what_is_wrong)
{
    struct kernel_image image;

    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct damage *damage = &damages[i];
        size_t size = make_kernel(damaged);
        put(damaged, damage->offset, damage->value, damage->size);
        const char *wrong = parse(size, &image);
        CHECK((wrong == NULL) == (damage->reason == NULL));
        if (wrong)
            CHECK_TEXT(wrong, damage->reason);
    }
}

TEST(efi_elf_image_that_is_cut_off)
{
    struct kernel_image image;

    make_kernel(damaged);
    CHECK_TEXT(parse(2 * PAGE_SIZE - 1, &image), "is truncated");
    CHECK_TEXT(parse(64, &image), "is truncated");
    for (size_t size = 4; size < 64; size++)
        CHECK_TEXT(parse(size, &image), "is truncated");
    for (size_t size = 1; size < 4; size++)
        CHECK_TEXT(parse(size, &image), "is not an ELF file");
    CHECK_TEXT(parse(0, &image), "is empty");
    put(damaged, 56, 0, 2); // no segments: the header is all there is
    CHECK_TEXT(parse(64, &image), "has an entry point outside its code");
}

// The table of segments is the file's end.
TEST(efi_elf_image_with_its_headers_last)
{
    struct kernel_image image;

    make_kernel(damaged);
    memcpy(damaged + 2 * PAGE_SIZE, damaged + 64, 112);
    put(damaged, 32, 2 * PAGE_SIZE, 8);
    CHECK(parse(2 * PAGE_SIZE + 112, &image) == NULL);
    CHECK_EQUAL(image.segment_count, 2);
    CHECK_TEXT(parse(2 * PAGE_SIZE + 111, &image), "is truncated");
}

TEST(efi_elf_image_segments_of_no_size_or_of_all)
{
    struct kernel_image image;
    size_t size = make_kernel(damaged);

    put(damaged, SEGMENT(1) + SEGMENT_VIRTUAL, 0, 8);
    put(damaged, SEGMENT(1) + SEGMENT_FILE_SIZE, 0, 8);
    put(damaged, SEGMENT(1) + SEGMENT_MEMORY_SIZE, 0, 8);
    put(damaged, SEGMENT(0) + SEGMENT_MEMORY_SIZE, WINDOW, 8);
    CHECK(parse(size, &image) == NULL);
    CHECK(image.segment_count == 1 && image.size == WINDOW && image.relocation_count == 0);
    CHECK_EQUAL(elf_image_room(&image), 0); // nothing says what would have to change
}

// One page each, code in the first.
static size_t make_segments(uint64_t count)
{
    make_kernel(damaged);
    put(damaged, 56, count, 2);
    for (uint64_t i = 1; i < count; i++) {
        memcpy(damaged + SEGMENT(i), damaged + SEGMENT(0), 56);
        put(damaged, SEGMENT(i) + SEGMENT_FLAGS, 4, 4);
        put(damaged, SEGMENT(i) + SEGMENT_VIRTUAL, KERNEL_IMAGE_BASE + i * PAGE_SIZE, 8);
    }
    return 2 * PAGE_SIZE;
}

TEST(efi_elf_image_with_many_segments)
{
    struct kernel_image image;
    size_t size = make_segments(IMAGE_SEGMENT_LIMIT);

    CHECK(parse(size, &image) == NULL);
    CHECK_EQUAL(image.segment_count, IMAGE_SEGMENT_LIMIT);
    uint8_t *memory = calloc(1, image.size);
    elf_image_load(&image, damaged, memory);
    CHECK(memcmp(memory + (IMAGE_SEGMENT_LIMIT - 1) * PAGE_SIZE, damaged, PAGE_SIZE) == 0);
    CHECK(elf_image_move(&image, damaged, memory, 3));
    for (uint64_t i = 0; i < IMAGE_SEGMENT_LIMIT; i++) {
        CHECK_EQUAL(image.segments[i].virtual, KERNEL_IMAGE_BASE + (3 + i) * PAGE_SIZE);
        CHECK_EQUAL(image.segments[i].page_base, KERNEL_IMAGE_BASE + (3 + i) * PAGE_SIZE);
    }
    free(memory);
    put(damaged, 24, KERNEL_IMAGE_BASE - 1, 8);
    CHECK_TEXT(parse(size, &image), "has an entry point outside its code");
    size = make_segments(IMAGE_SEGMENT_LIMIT + 1);
    CHECK_TEXT(parse(size, &image), "has too many segments");
}
