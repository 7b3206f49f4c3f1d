// From an ELF file on the fake machine to the regions of a space: what is mapped where, with which
// rights and bytes, and what a program that asks for too much is told.
#include "abi/errno.h"
#include "abi/file.h"
#include "allocations.h"
#include "fs_fixture.h"
#include "lib/string.h"
#include "proc/elf_load.h"
#include "stubs.h"
#include "test.h"

#define READ PROTECTION_READ
#define WRITE PROTECTION_WRITE
#define EXECUTE PROTECTION_EXECUTE
#define MOVABLE 0x555555554000ull
#define FILE_SIZE 0x4000u
#define SEGMENTS 5u
#define REGIONS 16u
#define PATH "/program"

struct image {
    struct elf_header header;
    struct elf_program_header segments[SEGMENTS];
};

static struct elf_program program;
static struct address_space *space;
static struct inode *inode;
static struct region regions[REGIONS];
static uint32_t region_count;

// Headers with constants; code; constants that end in zeroes; a note; data, and zeroes beyond it.
static struct image make_image(void)
{
    return (struct image){
        .header = { .ident = "\177ELF\2\1\1",
                    .type = ELF_TYPE_EXECUTABLE,
                    .machine = 62,
                    .version = 1,
                    .entry = 0x401010,
                    .program_offset = 64,
                    .header_size = 64,
                    .program_entry_size = 56,
                    .program_count = SEGMENTS },
        .segments = { { ELF_SEGMENT_LOAD, ELF_FLAG_READ, 0, 0x400000, 0, 0x800, 0x800, 4096 },
                      { ELF_SEGMENT_LOAD, ELF_FLAG_READ | ELF_FLAG_EXECUTE, 0x1000, 0x401000, 0,
                        0x1000, 0x1000, 4096 },
                      { ELF_SEGMENT_LOAD, ELF_FLAG_READ, 0x2010, 0x402010, 0, 0x100, 0x200, 4096 },
                      { 4, ELF_FLAG_READ, 1, 2, 3, 4, 5, 1 << 21 },
                      { ELF_SEGMENT_LOAD, ELF_FLAG_READ | ELF_FLAG_WRITE, 0x3100, 0x404100, 0,
                        0x200, 0x2000, 4096 } },
    };
}

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 7 + offset / 256 + 1) | 1; // never zero
}

static void write_program(const struct image *image, uint64_t size)
{
    static uint8_t bytes[FILE_SIZE];
    struct file *file = fs_open(PATH, O_CREAT | O_RDWR | O_TRUNC);
    uint64_t position = 0;

    for (uint64_t i = 0; i < FILE_SIZE; i++)
        bytes[i] = byte_at(i);
    memcpy(bytes, &image->header, sizeof(image->header));
    if (image->header.program_offset <= FILE_SIZE - sizeof(image->segments))
        memcpy(bytes + image->header.program_offset, image->segments, sizeof(image->segments));
    CHECK_EQUAL(fs_write(file, bytes, size, &position), size);
    file_release(file);
    inode = fs_look_up(PATH);
}

static int read_image(const struct image *image)
{
    fs_start();
    write_program(image, FILE_SIZE);
    log_last_line[0] = '\0';
    memset(&program, 0xa5, sizeof(program));
    return elf_program_read(&program, inode, MOVABLE);
}

static int load_image(const struct image *image, uint64_t gap)
{
    CHECK_EQUAL(read_image(image), 0);
    space = address_space_create();
    CHECK(space != NULL);
    return elf_program_map(&program, space, gap);
}

static void end(void)
{
    if (space)
        address_space_release(space);
    elf_program_free(&program);
    CHECK(program.segments == NULL);
    inode_release(inode);
    fs_end();
    space = NULL;
}

static void note_region(const struct region *region, void *context)
{
    CHECK(region_count < REGIONS);
    regions[region_count++] = *region;
}

static void expect_region(uint32_t index, uint64_t start, uint64_t stop, uint32_t protection,
                          int64_t file_page)
{
    const struct region *region = &regions[index];

    CHECK(index < region_count);
    CHECK_EQUAL(region->start, start);
    CHECK_EQUAL(region->end, stop);
    CHECK_EQUAL(region->protection, protection);
    CHECK_EQUAL(region->object == &inode->object, file_page >= 0);
    CHECK(region->object == NULL || region->object_page == (uint64_t)file_page);
    CHECK(!region->shared && !region->grows_down);
}

// The program's bytes at `address` are the file's from `offset` on; NOTHING: zeroes.
#define NOTHING UINT64_MAX
static void expect_bytes(uint64_t address, uint64_t length, uint64_t offset)
{
    static uint8_t bytes[FILE_SIZE];

    CHECK_EQUAL(address_space_read(space, address, bytes, length), 0);
    for (uint64_t i = 0; i < length; i++)
        CHECK_EQUAL(bytes[i], offset == NOTHING ? 0 : byte_at(offset + i));
}

TEST(elf_load_maps_what_the_file_says)
{
    struct image image = make_image();

    CHECK_EQUAL(load_image(&image, 0x3000), 0);
    CHECK(program.bias == 0 && elf_program_entry(&program) == 0x401010);
    CHECK_EQUAL(elf_program_headers_address(&program), 0x400040);
    address_space_visit(space, note_region, NULL);
    CHECK_EQUAL(region_count, 5);
    expect_region(0, 0x400000, 0x401000, READ, 0);
    expect_region(1, 0x401000, 0x402000, READ | EXECUTE, 1);
    expect_region(2, 0x402000, 0x403000, READ, 2);
    expect_region(3, 0x404000, 0x405000, READ | WRITE, 3);
    expect_region(4, 0x405000, 0x407000, READ | WRITE, -1);
    expect_bytes(0x400200, 0xe00, 0x200); // no zeroes asked for: the page is the file's
    expect_bytes(0x401000, 0x1000, 0x1000);
    expect_bytes(0x402010, 0x100, 0x2010);
    expect_bytes(0x402110, 0x100, NOTHING);
    expect_bytes(0x402210, 0xdf0, 0x2210);
    expect_bytes(0x404000, 0x300, 0x3000);
    expect_bytes(0x404300, 0x2d00, NOTHING);
    CHECK(space->code_start == 0x401000 && space->code_end == 0x402000);
    CHECK(space->data_start == 0x404100 && space->data_end == 0x404300);
    CHECK(space->brk_start == 0x40a000 && space->brk_end == 0x40a000);
    end();
}

TEST(elf_load_segments_without_file_or_memory)
{
    struct image image = make_image();

    image.segments[0].file_size = image.segments[0].memory_size = 0;
    image.segments[0].virtual_address = 0x400800; // where no page begins
    image.segments[0].offset = 0x800;
    image.segments[2] = (struct elf_program_header){
        ELF_SEGMENT_LOAD, ELF_FLAG_READ | ELF_FLAG_EXECUTE, 0, 0x402000, 0, 0, 0x1001, 4096
    };
    image.segments[4].file_size = image.segments[4].memory_size = 0xf00; // to the page's end
    CHECK_EQUAL(load_image(&image, 0), 0);
    address_space_visit(space, note_region, NULL);
    CHECK_EQUAL(region_count, 3);
    expect_region(0, 0x401000, 0x402000, READ | EXECUTE, 1);
    expect_region(1, 0x402000, 0x404000, READ | EXECUTE, -1);
    expect_region(2, 0x404000, 0x405000, READ | WRITE, 3);
    expect_bytes(0x402000, 0x2000, NOTHING);
    expect_bytes(0x404000, 0x1000, 0x3000);
    CHECK(space->code_start == 0x401000 && space->code_end == 0x402000);
    CHECK(space->data_start == 0x404100 && space->data_end == 0x405000);
    CHECK_EQUAL(space->brk_start, 0x405000);
    end();
}

TEST(elf_load_segments_without_rights)
{
    struct image image = make_image();

    image.segments[0].flags = 0;
    image.segments[1].flags = ELF_FLAG_EXECUTE;
    CHECK_EQUAL(load_image(&image, 0), 0);
    address_space_visit(space, note_region, NULL);
    expect_region(0, 0x400000, 0x401000, 0, 0);
    expect_region(1, 0x401000, 0x402000, EXECUTE, 1);
    end();
}

TEST(elf_load_several_segments_of_data)
{
    struct image image = make_image();

    image.segments[2].flags |= ELF_FLAG_WRITE;
    image.segments[2].memory_size = image.segments[2].file_size;
    CHECK_EQUAL(load_image(&image, 0), 0);
    address_space_visit(space, note_region, NULL);
    expect_region(2, 0x402000, 0x403000, READ | WRITE, 2);
    expect_bytes(0x402000, 0x1000, 0x2000);
    CHECK(space->data_start == 0x402010 && space->data_end == 0x404300);
    end();
}

TEST(elf_load_movable_programs)
{
    static const struct {
        uint64_t first, second, bias;
    } alignments[] = {
        { 4096, 0, MOVABLE },
        { 0x10000, 0x2000, MOVABLE & ~0xffffull },
        { 0x2000, 0x10000, MOVABLE & ~0xffffull },
        { 0x30000, 4096, MOVABLE }, // no power of two
        { 1 << 30, 4096, MOVABLE & ~((1ull << 30) - 1) },
        { 1ull << 31, 4096, MOVABLE }, // more than a program may ask for
    };
    struct image image = make_image();

    image.header.type = ELF_TYPE_SHARED;
    for (size_t i = 0; i < ARRAY_SIZE(alignments); i++) {
        image.segments[0].alignment = alignments[i].first;
        image.segments[1].alignment = alignments[i].second;
        CHECK_EQUAL(load_image(&image, 0), 0);
        CHECK_EQUAL(program.bias, alignments[i].bias);
        CHECK_EQUAL(elf_program_entry(&program), program.bias + 0x401010);
        CHECK_EQUAL(elf_program_headers_address(&program), program.bias + 0x400040);
        expect_bytes(program.bias + 0x401000, 0x1000, 0x1000);
        expect_bytes(program.bias + 0x404300, 0x100, NOTHING);
        CHECK_EQUAL(space->code_start, program.bias + 0x401000);
        CHECK_EQUAL(space->data_end, program.bias + 0x404300);
        CHECK_EQUAL(space->brk_end, program.bias + 0x407000);
        end();
    }
}

TEST(elf_load_knows_where_the_headers_are)
{
    static const struct {
        uint64_t offset, address;
    } places[] = { { 0x40, 0x400040 }, { 0x1000, 0x401000 }, { 0x3200, 0x404200 },
                   { 0x800, 0 },       { 0x900, 0 },         { 0x3300, 0 } };
    struct image image = make_image();

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        image.header.program_offset = places[i].offset;
        CHECK_EQUAL(read_image(&image), 0);
        CHECK_EQUAL(elf_program_headers_address(&program), places[i].address);
        end();
    }
    image.header.program_offset = 64;
    image.segments[0].type = 4; // holds them, but is not loaded
    CHECK_EQUAL(read_image(&image), 0);
    CHECK_EQUAL(elf_program_headers_address(&program), 0);
    end();
}

static void expect_refusal(const struct image *image, const char *said)
{
    CHECK_EQUAL(read_image(image), -ENOEXEC);
    CHECK_TEXT(log_last_line, said);
    CHECK(program.segments == NULL);
    end();
}

TEST(elf_load_says_what_is_wrong)
{
    struct image image = make_image();

    image.header.machine = 3;
    expect_refusal(&image, "refused: not built for x86-64");
    image = make_image();
    image.header.program_offset = FILE_SIZE - 100; // and a part of the table
    expect_refusal(&image, "refused: the table of program headers is broken");
    image = make_image();
    image.segments[4].file_size = FILE_SIZE;
    expect_refusal(&image,
                   "refused: a segment is broken, overlaps another or lies outside user memory");
    image = make_image();
    image.header.ident[0] = '#'; // a script, perhaps: nothing to tell
    expect_refusal(&image, "");
}

TEST(elf_load_of_no_program)
{
    struct image image = make_image();

    fs_start();
    write_program(&image, sizeof(image.header) - 1);
    log_last_line[0] = '\0';
    CHECK_EQUAL(elf_program_read(&program, inode, 0), -ENOEXEC);
    CHECK_TEXT(log_last_line, "");
    inode_release(inode);
    inode = fs_look_up("/");
    CHECK_EQUAL(elf_program_read(&program, inode, 0), -EISDIR);
    end();
}

// Each allocation fails once: no memory, and what was had is given back.
TEST(elf_load_without_memory)
{
    struct image image = make_image();
    int error = -ENOMEM;
    uint64_t count = 0;

    fs_start();
    write_program(&image, FILE_SIZE);
    for (; error; count++) {
        space = address_space_create();
        CHECK(space != NULL);
        allocations.fail_after = count;
        allocations.fail_once = true;
        error = elf_program_read(&program, inode, MOVABLE);
        if (!error)
            error = elf_program_map(&program, space, 0);
        allocations.fail_after = ALLOCATIONS_NEVER_FAIL;
        CHECK_EQUAL(error, allocations.failed ? -ENOMEM : 0);
        allocations.failed = false;
        if (error) {
            address_space_release(space);
            elf_program_free(&program);
        }
    }
    CHECK(count > 5);
    expect_bytes(0x402110, 0x100, NOTHING);
    expect_bytes(0x404300, 0x2d00, NOTHING);
    end();
}
