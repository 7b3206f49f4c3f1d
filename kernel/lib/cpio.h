// Reader for newc cpio archives, one or several concatenated with zero padding between them, as
// Linux accepts for an initramfs. Pure: reads only inside the given buffer.
#pragma once

#include "lib/types.h"

struct cpio_reader {
    const uint8_t *data;
    size_t size;
    size_t offset;      // of the next header
    bool after_trailer; // zero padding, the end or another archive may follow
};

struct cpio_entry {
    const char *name; // NUL-terminated, inside the archive
    uint32_t mode;    // Linux st_mode, type bits included
    uint32_t uid;
    uint32_t gid;
    uint32_t mtime; // seconds
    uint32_t inode;
    uint32_t link_count;
    uint32_t device_major; // of a device node
    uint32_t device_minor;
    const uint8_t *data;
    uint32_t size;
};

enum cpio_result {
    CPIO_ENTRY,     // `entry` holds the next member
    CPIO_END,       // orderly end: a trailer, then only zero bytes (or another archive was read)
    CPIO_BAD_MAGIC, // these carry reader->offset of the broken header
    CPIO_BAD_NUMBER,
    CPIO_BAD_NAME,
    CPIO_TRUNCATED,
};

void cpio_open(struct cpio_reader *reader, const void *data, size_t size);
// Steps to the next member. An archive that ends without a trailer is CPIO_TRUNCATED.
must_check enum cpio_result cpio_next(struct cpio_reader *reader, struct cpio_entry *entry);
// One plain phrase for a message.
const char *cpio_result_text(enum cpio_result result);
