// Files whose whole content is made at once, so that reads in pieces fit together. For the files of
// this folder.
#pragma once

#include "fs/file.h"

struct snapshot;
typedef void (*snapshot_fill)(struct snapshot *snapshot);

struct snapshot {
    // Guards what follows once the file is open. `fill` may hold the last reference of a process's
    // files or space for a moment, and so be who closes them: with this mutex held.
    struct mutex mutex;
    struct page_tree pages;
    uint64_t size;
    bool failed;               // no memory: what is appended from then on is dropped
    int error;                 // set by `fill` to refuse
    const struct inode *inode; // of the file
    snapshot_fill refill; // by a read from the start; NULL: the content stays as it was at open
    bool is_made;
};

// Make the content, in thread context without spinlocks: they pass preemption points and may sleep.
void snapshot_append(struct snapshot *snapshot, const void *data, size_t length);
// A name on one line: what stands for a newline and for a backslash in it.
void snapshot_append_escaped(struct snapshot *snapshot, const char *text, const char *newline,
                             const char *backslash);
// Replaces the first bytes, which must be there and lie in the first page.
void snapshot_replace_start(struct snapshot *snapshot, const void *data, size_t length);
void snapshot_print(struct snapshot *snapshot, const char *format, ...) printf_like(2, 3);

// Fills file->data by calling `fill`; for the open operation. -ENOMEM, or the error of `fill`.
must_check int snapshot_open(struct file *file, snapshot_fill fill);
// The same, but every read from the start makes the content anew, as of then: programs keep files
// of /proc open. The error of `fill` is the read's.
must_check int snapshot_open_fresh(struct file *file, snapshot_fill fill);
// The other operations of such a file.
int64_t snapshot_read(struct file *file, struct user_iterator *target, uint64_t *position);
int64_t snapshot_seek(struct file *file, int64_t offset, int whence);
void snapshot_release(struct file *file);

// Defines NAME_operations: a file whose text `fill` makes.
#define SNAPSHOT_FILE(name, fill)                                                                  \
    static int open_##name(struct file *file)                                                      \
    {                                                                                              \
        return snapshot_open_fresh(file, fill);                                                    \
    }                                                                                              \
    const struct file_operations name##_operations = {                                             \
        .read = snapshot_read,                                                                     \
        .seek = snapshot_seek,                                                                     \
        .release = snapshot_release,                                                               \
        .open = open_##name,                                                                       \
    }
