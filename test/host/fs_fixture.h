// The memory file system on the fake machine, for the fs tests.
#pragma once

#include <stddef.h>

#include "fs/memory_fs.h"

// An empty file system; allocations are watched.
void fs_start(void);
// Takes it down; not one frame or object may be left.
void fs_end(void);
// Reads and writes of host memory, as system calls do them.
int64_t fs_read(struct file *file, void *buffer, size_t length, uint64_t *position);
int64_t fs_write(struct file *file, const void *data, size_t length, uint64_t *position);
struct file *fs_open(const char *path, uint32_t flags); // must succeed
struct inode *fs_look_up(const char *path);             // likewise

enum fs_operation {
    FS_OPEN, // flags: O_...
    FS_LOOK_UP,
    FS_MAKE_DIRECTORY,
    FS_SYMLINK, // other: the target
    FS_LINK,    // other: the new name
    FS_UNLINK,
    FS_REMOVE_DIRECTORY,
    FS_RENAME,    // other: the new name
    FS_MAKE_NODE, // flags: S_IF...
};

struct fs_step {
    int line;
    enum fs_operation operation;
    const char *path;
    const char *other;
    uint32_t flags;
    int result;
};

#define FS_STEP(...)                                                                               \
    {                                                                                              \
        __LINE__, __VA_ARGS__                                                                      \
    }

int fs_do(const struct fs_step *step);
// Does the steps in order; each must give its result. `file` is the caller's __FILE__.
void fs_run(const char *file, const struct fs_step *steps, size_t count);
