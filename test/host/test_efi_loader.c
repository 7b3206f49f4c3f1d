// The rest of the loader's pure code: page tables, the command line, kernel.elf.
#include <stdlib.h>
#include <string.h>

#include "efi/command_line.h"
#include "efi/elf_image.h"
#include "efi/memory_map.h"
#include "efi/page_tables.h"
#include "machine.h"
#include "test.h"
#include "walk.h"

#define POOL_PAGES 3000u
#define LOADER_DIRECT_MAP 0xffff800000000000ull

static struct boot_info info;
static uint64_t pool[POOL_PAGES * 512] __attribute__((aligned(4096)));

static uint64_t random_pages(uint64_t usually_below, uint64_t below)
{
    return 1 + random_below(random_below(3) != 0 ? usually_below : below);
}

// Two segments, code and data, in a random map of memory. Returns where memory ends.
static void make_machine(struct kernel_image *image)
{
    uint64_t base = 0, code = random_pages(900, 900), data = random_pages(900, 900);
    uint64_t count = random_below(60);

    info.region_count = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (random_below(2) != 0)
            base += random_pages(4096, 40000000) * PAGE_SIZE;
        struct boot_region region = { .base = base, .page_count = random_pages(3000, 3000000) };
        region.kind = random_below(8) != 0 ? BOOT_REGION_USABLE : (uint32_t)random_below(10);
        info.regions[info.region_count++] = region;
        base += region.page_count * PAGE_SIZE;
    }
    *image = (struct kernel_image){ .virtual_base = KERNEL_IMAGE_BASE,
                                    .size = (code + data) * PAGE_SIZE,
                                    .segment_count = 2 };
    image->segments[0] = (struct image_segment){ .page_base = KERNEL_IMAGE_BASE,
                                                 .page_size = code * PAGE_SIZE,
                                                 .execute = true };
    image->segments[1] = (struct image_segment){ .page_base = KERNEL_IMAGE_BASE + code * PAGE_SIZE,
                                                 .page_size = data * PAGE_SIZE,
                                                 .write = true };
    info.kernel_base = base + random_below(1000) * PAGE_SIZE;
    info.kernel_size = image->size;
}

static void check_mapping(uint64_t address, uint64_t physical, bool write, bool execute)
{
    struct walk_result found = walk_tables(phys_make((uint64_t)pool), address);

    CHECK(found.mapped && !found.user);
    CHECK_EQUAL(found.physical, physical);
    CHECK_EQUAL(found.writable, write);
    CHECK_EQUAL(found.executable, execute);
}

// Both ends and somewhere inside.
static void check_range(uint64_t address, uint64_t physical, uint64_t size, bool write,
                        bool execute)
{
    uint64_t inside = random_below(size);

    check_mapping(address, physical, write, execute);
    check_mapping(address + inside, physical + inside, write, execute);
    check_mapping(address + size - 1, physical + size - 1, write, execute);
}

static void check_tables(const struct kernel_image *image)
{
    for (uint32_t i = 0; i < info.region_count; i++) {
        const struct boot_region *region = &info.regions[i];
        if (region_kind_is_mapped(region->kind) && region->kind != BOOT_REGION_KERNEL)
            check_range(LOADER_DIRECT_MAP + region->base, region->base,
                        region->page_count * PAGE_SIZE, true, false);
    }
    for (uint32_t i = 0; i < image->segment_count; i++) {
        const struct image_segment *segment = &image->segments[i];
        uint64_t physical = info.kernel_base + (segment->page_base - image->virtual_base);
        check_range(segment->page_base, physical, segment->page_size, segment->write,
                    segment->execute);
        check_range(LOADER_DIRECT_MAP + physical, physical, segment->page_size, segment->write,
                    false);
    }
}

TEST(efi_page_tables_map_what_they_should)
{
    host_direct_map_base = 0; // tables hold pointers, as under firmware
    for (int i = 0; i < 200; i++) {
        struct kernel_image image;
        uint64_t switch_code = 0x7ffffff000 + random_below(2) * PAGE_SIZE;
        make_machine(&image);
        struct page_tables tables = { .pool = pool,
                                      .pool_pages = page_tables_estimate(&info),
                                      .no_execute = true,
                                      .gigabyte_pages = random_below(2) != 0 };
        if (tables.pool_pages > POOL_PAGES)
            continue;
        CHECK(page_tables_build(&tables, &info, &image, switch_code));
        check_tables(&image);
        check_mapping(switch_code, switch_code, false, true);
        check_mapping(switch_code + PAGE_SIZE, switch_code + PAGE_SIZE, false, true);
        tables.pool_pages = tables.used_pages - 1;
        CHECK(!page_tables_build(&tables, &info, &image, switch_code));
    }
}

TEST(efi_command_line_text)
{
    char line[16] = "";

    CHECK(command_line_append_text(line, sizeof(line), "  abcdefghijklmno\n", 18));
    CHECK_TEXT(line, "abcdefghijklmno");
    CHECK(!command_line_append_text(line, sizeof(line), "x", 1));
    line[14] = '\0';
    CHECK(!command_line_append_text(line, sizeof(line), "x", 1)); // the space would fit, x not
    CHECK_EQUAL(strlen(line), 14);
    line[13] = '\0';
    CHECK(command_line_append_text(line, sizeof(line), "x", 1));
    CHECK_TEXT(line, "abcdefghijklm x");
}

TEST(efi_command_line_options_are_printable)
{
    char line[16] = "";

    for (int i = 0; i < 50000; i++) {
        size_t count = random_below(24);
        uint8_t *options = malloc(count != 0 ? count : 1); // UTF-16, often wrong, at any length
        for (size_t j = 0; j < count; j++) {
            bool high = j % 2 != 0, odd = random_below(10) == 0;
            options[j] = (uint8_t)(high ? odd : odd ? random_number() : ' ' + random_below(97));
        }
        line[random_below(sizeof(line))] = '\0';
        (void)command_line_append_options(line, sizeof(line), options, count);
        CHECK(memchr(line, '\0', sizeof(line)) != NULL);
        for (const char *next = line; *next != '\0'; next++)
            CHECK(*next >= ' ' && *next <= '~');
        free(options);
        if (random_below(4) == 0)
            line[0] = '\0';
    }
}

static void put(uint8_t *file, size_t offset, uint64_t value, size_t size)
{
    memcpy(file + offset, &value, size);
}

// A header and two segments: code in the first page of the file, data from the second on.
static size_t make_kernel(uint8_t *file)
{
    static const uint8_t identity[] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

    memset(file, 0, 3 * PAGE_SIZE);
    memcpy(file, identity, sizeof(identity));
    put(file, 16, 2, 2);  // executable
    put(file, 18, 62, 2); // x86-64
    put(file, 20, 1, 4);  // version
    put(file, 24, KERNEL_IMAGE_BASE + 0x100, 8);
    put(file, 32, 64, 8); // program headers
    put(file, 52, 64, 2);
    put(file, 54, 56, 2);
    put(file, 56, 2, 2);
    for (uint64_t i = 0; i < 2; i++) {
        size_t header = 64 + 56 * i;
        put(file, header, 1, 4);                  // LOAD
        put(file, header + 4, i == 0 ? 5 : 6, 4); // read and execute, read and write
        put(file, header + 8, i * PAGE_SIZE, 8);
        put(file, header + 16, KERNEL_IMAGE_BASE + i * PAGE_SIZE, 8);
        put(file, header + 24, KERNEL_IMAGE_BASE + i * PAGE_SIZE, 8);
        put(file, header + 32, PAGE_SIZE, 8);
        put(file, header + 40, (1 + i) * PAGE_SIZE, 8);
        put(file, header + 48, PAGE_SIZE, 8);
    }
    return 2 * PAGE_SIZE;
}

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

// Behind the second page: a list of relocations, section headers, their names.
static size_t add_relocations(uint8_t *file, const uint32_t *list, size_t count)
{
    static const char names[] = "\0.names\0.relocations";
    size_t at = 2 * PAGE_SIZE, headers = at + 256;

    memcpy(file + at, list, count * sizeof(*list));
    memcpy(file + at + 128, names, sizeof(names));
    put(file, 40, headers, 8);
    put(file, 58, 64, 2);
    put(file, 60, 3, 2);
    put(file, 62, 1, 2);
    put(file, headers + 64, 1, 4);
    put(file, headers + 64 + 4, 3, 4); // a string table
    put(file, headers + 64 + 24, at + 128, 8);
    put(file, headers + 64 + 32, sizeof(names), 8);
    put(file, headers + 128, 8, 4);
    put(file, headers + 128 + 4, 1, 4);
    put(file, headers + 128 + 24, at, 8);
    put(file, headers + 128 + 32, count * sizeof(*list), 8);
    return headers + 3 * 64;
}

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
        size_t damaged = 2 * PAGE_SIZE + 128 + random_below(size - 2 * PAGE_SIZE - 128);
        file[damaged] ^= (uint8_t)(random_below(4) == 0 ? 1u << random_below(8) : 0);
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

TEST(efi_command_line_words)
{
    CHECK(command_line_has_word("a nokaslr", "nokaslr"));
    CHECK(!command_line_has_word("a nokaslrs nokasl", "nokaslr"));
    CHECK(!command_line_has_word("a -- nokaslr", "nokaslr"));
    CHECK(command_line_has_word("  seed=1", "seed="));
    CHECK(command_line_has_word("seed=", "seed="));
    CHECK(!command_line_has_word("seed", "seed="));
    CHECK(!command_line_has_word("", "seed="));
}

TEST(efi_command_line_video_word)
{
    static const struct {
        const char *line;
        enum video_word word;
        uint32_t width, height;
    } cases[] = {
        { "", VIDEO_ABSENT, 0, 0 },
        { "  loglevel=7 -- video=640x480", VIDEO_ABSENT, 0, 0 },
        { "xvideo=640x480 video", VIDEO_ABSENT, 0, 0 },
        { "panic=1 video=640x480 -- x", VIDEO_SIZE, 640, 480 },
        { "video=1x1 video=1920x1080", VIDEO_SIZE, 1920, 1080 },
        { "video=999999x1", VIDEO_SIZE, 999999, 1 },
        { "video=9999999x1", VIDEO_MALFORMED, 0, 0 },
        { "video=", VIDEO_MALFORMED, 0, 0 },
        { "video=640", VIDEO_MALFORMED, 0, 0 },
        { "video=640x", VIDEO_MALFORMED, 0, 0 },
        { "video=x480", VIDEO_MALFORMED, 0, 0 },
        { "video=640x480x ", VIDEO_MALFORMED, 0, 0 },
        { "video=640x480-32", VIDEO_MALFORMED, 0, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t width = 0, height = 0;
        CHECK_EQUAL(command_line_find_video(cases[i].line, &width, &height), cases[i].word);
        if (cases[i].word == VIDEO_SIZE) {
            CHECK_EQUAL(width, cases[i].width);
            CHECK_EQUAL(height, cases[i].height);
        }
    }
}
