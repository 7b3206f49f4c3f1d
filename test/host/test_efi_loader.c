// The loader's page tables and command line.
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
