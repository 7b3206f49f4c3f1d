// Reader for newc archives (the initramfs). Everything in an archive is outside data: each number
// and length is checked before it is used, and nothing outside the buffer is read.
#include "lib/cpio.h"

#include "lib/string.h"

#define HEADER_SIZE 110u // six characters of magic, thirteen fields of eight hexadecimal digits
#define MAGIC_SIZE 6u
#define FIELD_DIGITS 8u
#define NAME_SIZE_LIMIT 4096u // with the terminator

enum header_field {
    FIELD_INODE,
    FIELD_MODE,
    FIELD_UID,
    FIELD_GID,
    FIELD_LINK_COUNT,
    FIELD_MTIME,
    FIELD_FILE_SIZE,
    FIELD_DEVICE_MAJOR, // of the file system the archive was made on
    FIELD_DEVICE_MINOR,
    FIELD_NODE_MAJOR, // of a device node
    FIELD_NODE_MINOR,
    FIELD_NAME_SIZE,
    FIELD_CHECKSUM,
    FIELD_COUNT,
};

_Static_assert(MAGIC_SIZE + FIELD_COUNT * FIELD_DIGITS == HEADER_SIZE, "newc header");

void cpio_open(struct cpio_reader *reader, const void *data, size_t size)
{
    *reader = (struct cpio_reader){ .data = data, .size = size };
}

static bool parse_field(const uint8_t *digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < FIELD_DIGITS; i++) {
        uint8_t digit = digits[i];
        if (digit >= '0' && digit <= '9')
            digit = (uint8_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            digit = (uint8_t)(digit - 'a' + 10);
        else if (digit >= 'A' && digit <= 'F')
            digit = (uint8_t)(digit - 'A' + 10);
        else
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

// The magic is looked at first, so that "not an archive" and "cut short" stay apart.
static enum cpio_result parse_header(const uint8_t *header, size_t available,
                                     uint32_t fields[FIELD_COUNT])
{
    size_t magic_available = min_of(available, (size_t)MAGIC_SIZE);

    if (memcmp(header, "070701", magic_available) != 0 &&
        memcmp(header, "070702", magic_available) != 0)
        return CPIO_BAD_MAGIC;
    if (available < HEADER_SIZE)
        return CPIO_TRUNCATED;
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!parse_field(header + MAGIC_SIZE + i * FIELD_DIGITS, &fields[i]))
            return CPIO_BAD_NUMBER;
    }
    return CPIO_ENTRY;
}

static enum cpio_result check_name(const uint8_t *name, size_t name_size, size_t available)
{
    if (name_size < 2 || name_size > NAME_SIZE_LIMIT)
        return CPIO_BAD_NAME;
    if (name_size > available)
        return CPIO_TRUNCATED;
    if (name[0] == '\0' || name[name_size - 1] != '\0')
        return CPIO_BAD_NAME;
    return CPIO_ENTRY;
}

// Offsets stay below 2^33 beyond the buffer's size, so 64-bit sums cannot wrap.
static enum cpio_result read_member(struct cpio_reader *reader, struct cpio_entry *entry)
{
    const uint8_t *header = reader->data + reader->offset;
    uint32_t fields[FIELD_COUNT];
    enum cpio_result result = parse_header(header, reader->size - reader->offset, fields);

    if (result != CPIO_ENTRY)
        return result;
    size_t name_offset = reader->offset + HEADER_SIZE;
    result =
        check_name(reader->data + name_offset, fields[FIELD_NAME_SIZE], reader->size - name_offset);
    if (result != CPIO_ENTRY)
        return result;
    size_t data_offset = align_up(name_offset + fields[FIELD_NAME_SIZE], 4);
    size_t data_end = data_offset + fields[FIELD_FILE_SIZE];
    const uint8_t *data = reader->data + min_of(data_offset, reader->size);
    if (fields[FIELD_FILE_SIZE] != 0 && data_end > reader->size)
        return CPIO_TRUNCATED;

    *entry = (struct cpio_entry){
        .name = (const char *)reader->data + name_offset,
        .mode = fields[FIELD_MODE],
        .uid = fields[FIELD_UID],
        .gid = fields[FIELD_GID],
        .mtime = fields[FIELD_MTIME],
        .inode = fields[FIELD_INODE],
        .link_count = fields[FIELD_LINK_COUNT],
        .device_major = fields[FIELD_NODE_MAJOR],
        .device_minor = fields[FIELD_NODE_MINOR],
        .data = data,
        .size = fields[FIELD_FILE_SIZE],
    };
    reader->offset = min_of((size_t)align_up(data_end, 4), reader->size);
    return CPIO_ENTRY;
}

enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *entry)
{
    for (;;) {
        while (reader->after_trailer && reader->offset < reader->size &&
               reader->data[reader->offset] == 0)
            reader->offset++;
        if (reader->offset == reader->size)
            return reader->after_trailer ? CPIO_END : CPIO_TRUNCATED;
        if (reader->offset % 4 != 0) // headers are aligned, in every archive
            return CPIO_BAD_MAGIC;

        enum cpio_result result = read_member(reader, entry);
        if (result != CPIO_ENTRY)
            return result;
        reader->after_trailer = strcmp(entry->name, "TRAILER!!!") == 0;
        if (!reader->after_trailer)
            return CPIO_ENTRY;
    }
}

const char *cpio_result_text(enum cpio_result result)
{
    switch (result) {
    case CPIO_ENTRY:
        return "a member";
    case CPIO_END:
        return "the end of the archive";
    case CPIO_BAD_MAGIC:
        return "not a newc cpio header";
    case CPIO_BAD_NUMBER:
        return "a header field is not a hexadecimal number";
    case CPIO_BAD_NAME:
        return "a file name is empty, too long or not terminated";
    case CPIO_TRUNCATED:
        return "the archive is cut short";
    }
    return "unknown result";
}
