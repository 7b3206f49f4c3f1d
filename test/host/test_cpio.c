// kernel/lib/cpio.c on archives that the host's cpio made, joined, cut and broken.
#include <stdio.h>
#include <stdlib.h>

#include "lib/cpio.h"
#include "lib/string.h"
#include "test.h"

#define ARCHIVE_LIMIT 65536u

struct archive {
    uint8_t bytes[ARCHIVE_LIMIT];
    size_t size;
};

static struct archive archive;

// A folder, a file, an empty file and a symbolic link.
static void make_archive(struct archive *made, const char *format)
{
    char command[512];

    snprintf(
        command, sizeof(command),
        "set -e; d=$(mktemp -d); cd $d; umask 022; mkdir dir; printf hello >dir/file; : >empty;"
        "chmod 755 empty; ln -s dir/file link; printf 'dir\\ndir/file\\nempty\\nlink\\n' |"
        "cpio --quiet -o -H %s; cd /; rm -rf $d",
        format);
    FILE *pipe = popen(command, "r");
    CHECK(pipe != NULL);
    made->size = fread(made->bytes, 1, ARCHIVE_LIMIT, pipe);
    CHECK(pclose(pipe) == 0 && made->size > 0 && made->size < ARCHIVE_LIMIT);
}

static void expect_entry(struct cpio_reader *reader, const char *name, uint32_t mode,
                         const char *content)
{
    struct cpio_entry entry;

    CHECK_EQUAL(cpio_next(reader, &entry), CPIO_ENTRY);
    CHECK_TEXT(entry.name, name);
    CHECK_EQUAL(entry.mode, mode);
    CHECK_EQUAL(entry.size, strlen(content));
    CHECK(memcmp(entry.data, content, entry.size) == 0);
}

static void expect_members(struct cpio_reader *reader)
{
    expect_entry(reader, "dir", 040755, "");
    expect_entry(reader, "dir/file", 0100644, "hello");
    expect_entry(reader, "empty", 0100755, "");
    expect_entry(reader, "link", 0120777, "dir/file");
}

static void expect_end(struct cpio_reader *reader)
{
    struct cpio_entry entry;

    CHECK_EQUAL(cpio_next(reader, &entry), CPIO_END);
    CHECK_EQUAL(cpio_next(reader, &entry), CPIO_END); // and it stays the end
}

TEST(cpio_newc_and_crc)
{
    static const char *const formats[] = { "newc", "crc" };
    struct cpio_reader reader;

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        make_archive(&archive, formats[i]);
        cpio_open(&reader, archive.bytes, archive.size);
        expect_members(&reader);
        expect_end(&reader);
    }
}

// Offset of the byte after the trailer's name.
static size_t trailer_end(const struct archive *made)
{
    for (size_t i = 0; i + 11 <= made->size; i++) {
        if (memcmp(made->bytes + i, "TRAILER!!!", 11) == 0)
            return i + 11;
    }
    test_fail(__FILE__, __LINE__, "no trailer");
}

static void append_bytes(struct archive *to, const uint8_t *bytes, size_t size)
{
    CHECK(to->size + size <= ARCHIVE_LIMIT);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

TEST(cpio_concatenated)
{
    static struct archive joined;
    struct cpio_reader reader;

    make_archive(&archive, "newc");
    size_t tight = align_up(trailer_end(&archive), 4);
    append_bytes(&joined, archive.bytes, archive.size); // padded to blocks of 512
    append_bytes(&joined, archive.bytes, tight);        // not padded
    append_bytes(&joined, archive.bytes, archive.size);
    cpio_open(&reader, joined.bytes, joined.size);
    for (int i = 0; i < 3; i++)
        expect_members(&reader);
    expect_end(&reader);
}

TEST(cpio_second_archive_misaligned)
{
    static struct archive joined;
    struct cpio_reader reader;
    struct cpio_entry entry;

    make_archive(&archive, "newc");
    append_bytes(&joined, archive.bytes, archive.size);
    append_bytes(&joined, (const uint8_t *)"\0\0", 2);
    append_bytes(&joined, archive.bytes, archive.size);
    cpio_open(&reader, joined.bytes, joined.size);
    expect_members(&reader);
    CHECK_EQUAL(cpio_next(&reader, &entry), CPIO_BAD_MAGIC);
    CHECK_EQUAL(reader.offset, archive.size + 2);
}

// The copy is exactly as long as it is said to be, so that ASan sees a read beyond it.
static enum cpio_result read_all(const uint8_t *bytes, size_t size, unsigned *members)
{
    uint8_t *copy = malloc(size);
    struct cpio_reader reader;
    struct cpio_entry entry;
    enum cpio_result result;

    CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    cpio_open(&reader, copy, size);
    for (*members = 0; (result = cpio_next(&reader, &entry)) == CPIO_ENTRY; ++*members)
        CHECK(entry.size == 0 || entry.data + entry.size <= copy + size);
    CHECK(reader.offset <= size);
    free(copy);
    return result;
}

TEST(cpio_truncated_at_every_byte)
{
    unsigned members;

    make_archive(&archive, "newc");
    size_t end = trailer_end(&archive);
    for (size_t size = 0; size < archive.size; size++) {
        enum cpio_result result = read_all(archive.bytes, size, &members);
        CHECK_EQUAL(result, size < end ? CPIO_TRUNCATED : CPIO_END);
        CHECK(members <= 4);
    }
}

TEST(cpio_second_truncated_at_every_byte)
{
    static struct archive joined;
    unsigned members;

    make_archive(&archive, "newc");
    append_bytes(&joined, archive.bytes, archive.size);
    append_bytes(&joined, archive.bytes, archive.size);
    for (size_t size = archive.size + 1; size < archive.size + trailer_end(&archive); size++)
        CHECK_EQUAL(read_all(joined.bytes, size, &members), CPIO_TRUNCATED);
}

// Every byte of every header replaced: never a crash, and a broken digit is called one.
TEST(cpio_broken_headers)
{
    unsigned members;

    make_archive(&archive, "newc");
    for (size_t i = 0; i < trailer_end(&archive); i++) {
        static const uint8_t replacements[] = { 0, ' ', 'g', 'f', '9', 0xff };
        uint8_t kept = archive.bytes[i];
        for (size_t j = 0; j < sizeof(replacements); j++) {
            archive.bytes[i] = replacements[j];
            enum cpio_result result = read_all(archive.bytes, archive.size, &members);
            if (i < 5)
                CHECK_EQUAL(result, CPIO_BAD_MAGIC);
            else if (i >= 6 && i < 110 && j < 3)
                CHECK_EQUAL(result, CPIO_BAD_NUMBER);
        }
        archive.bytes[i] = kept;
    }
}

static enum cpio_result read_with_name(const char *size_field, const char *name, size_t name_bytes)
{
    uint8_t bytes[6000] = { 0 };
    unsigned members;

    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "070701", 6);
    memset(bytes + 6, '0', 104);
    memcpy(bytes + 6 + 11 * 8, size_field, 8);
    memcpy(bytes + 110, name, name_bytes);
    return read_all(bytes, sizeof(bytes), &members);
}

TEST(cpio_names)
{
    static char long_name[5000];

    memset(long_name, 'n', sizeof(long_name));
    CHECK_EQUAL(read_with_name("00000000", "", 0), CPIO_BAD_NAME);
    CHECK_EQUAL(read_with_name("00000001", "", 1), CPIO_BAD_NAME);
    CHECK_EQUAL(read_with_name("00000003", "abc", 3), CPIO_BAD_NAME); // not terminated
    CHECK_EQUAL(read_with_name("ffffffff", "abc", 4), CPIO_BAD_NAME);
    long_name[4096] = '\0';
    CHECK_EQUAL(read_with_name("00001001", long_name, 4097), CPIO_BAD_NAME);
    long_name[4095] = '\0';
    CHECK_EQUAL(read_with_name("00001000", long_name, 4096), CPIO_BAD_MAGIC); // of what follows
}

TEST(cpio_sizes_beyond_the_end)
{
    static const char *const sizes[] = { "ffffffff", "7fffffff", "00010000", "FFFFFFFC" };
    unsigned members;

    make_archive(&archive, "newc");
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        memcpy(archive.bytes + 6 + 6 * 8, sizes[i], 8);
        CHECK_EQUAL(read_all(archive.bytes, archive.size, &members), CPIO_TRUNCATED);
        CHECK_EQUAL(members, 0);
    }
}

TEST(cpio_result_texts_exist)
{
    for (enum cpio_result result = CPIO_ENTRY; result <= CPIO_TRUNCATED; result++)
        CHECK(strlen(cpio_result_text(result)) > 3);
}
