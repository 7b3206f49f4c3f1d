// Open files: what descriptors refer to. The operations are what differs between regular files,
// directories, pipes and devices.
#pragma once

#include "abi/errno.h"
#include "fs/inode.h"
#include "fs/late_release.h"
#include "vm/user_copy.h"

struct file;
struct poll_registration;

// What reading and writing have to do with a file's position.
enum position_use {
    POSITION_KEPT,    // they move it, under position_mutex
    POSITION_IGNORED, // they take no notice of any
    POSITION_NONE,    // a stream (pipes, terminals): a given one is -ESPIPE
};

struct file_operations {
    enum position_use position_use; // of a new file
    // Bytes transferred (short counts allowed), 0 at the end, -errno. `position` may be NULL
    // unless POSITION_KEPT. May sleep interruptibly: -ERESTARTSYS when interrupted before anything
    // moved.
    int64_t (*read)(struct file *file, struct user_iterator *target, uint64_t *position);
    int64_t (*write)(struct file *file, struct user_iterator *source, uint64_t *position);
    // NULL: -ESPIPE.
    int64_t (*seek)(struct file *file, int64_t offset, int whence);
    // NULL: -ENOTDIR. Fills a kernel buffer with abi_dirent64 records, resuming at *position.
    int64_t (*read_directory)(struct file *file, void *buffer, size_t size, uint64_t *position);
    // NULL: -ENOTTY.
    int64_t (*ioctl)(struct file *file, uint32_t request, user_addr argument);
    // POLL* bits that hold now; with a queue pointer, says where to wait. NULL: always ready.
    uint32_t (*poll)(struct file *file, struct wait_queue **queue);
    // NULL: -ENODEV. The memory object that mmap maps, one reference.
    int (*map)(struct file *file, struct memory_object **object);
    // NULL: the inode answers. For files without a usable inode (pipes).
    void (*stat)(struct file *file, struct abi_stat *stat);
    // The last reference is going.
    void (*release)(struct file *file);
    // Called when a file of this kind is opened by path; may be NULL. May sleep. -errno refuses,
    // and release() is not called then.
    int (*open)(struct file *file);
};

#define FILE_NAME_SHORT 32u

// Where a file was found, for /proc: path_of_file() makes it a path when somebody asks.
struct file_place {
    struct inode *directory; // one reference; NULL: `long_name` is the whole path, if there is one
    char *long_name;         // on the heap; NULL: `name` counts
    char name[FILE_NAME_SHORT]; // in the directory; empty: the directory itself
};

struct file {
    atomic_uint references;
    _Atomic(uint32_t) flags; // O_ACCMODE and status flags; F_SETFL changes them
    const struct file_operations *operations;
    struct inode *inode;     // one reference
    struct file_place place; // set before anybody else sees the file
    struct mutex position_mutex;
    uint64_t position;              // guarded by position_mutex
    enum position_use position_use; // set before anybody else sees the file
    bool is_write_opener;           // counted in the inode's write_openers
    void *data;                     // of the operations
    struct late_release late;       // once nobody has a reference
};

// O_PATH: only names a place.
extern const struct file_operations path_only_operations;
static inline bool file_is_path_only(const struct file *file)
{
    return file->operations == &path_only_operations;
}

// One reference; takes its own reference of the inode (which may be NULL). NULL: no memory.
must_check struct file *file_create(const struct file_operations *operations, struct inode *inode,
                                    uint32_t flags);
static inline bool file_is_readable(const struct file *file)
{
    uint32_t mode = atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE;
    return mode == O_RDONLY || mode == O_RDWR;
}
static inline bool file_is_writable(const struct file *file)
{
    uint32_t mode = atomic_load_explicit(&file->flags, memory_order_relaxed) & O_ACCMODE;
    return mode == O_WRONLY || mode == O_RDWR;
}
static inline bool file_is_nonblocking(const struct file *file)
{
    return atomic_load_explicit(&file->flags, memory_order_relaxed) & O_NONBLOCK;
}
void file_reference(struct file *file);
void file_release(struct file *file); // the last one may sleep for long
// The same with the namespace mutex held: the last one takes effect when that is released.
void file_release_late(struct file *file);
void file_place_drop(struct file_place *place);
uint64_t files_live(void);

// Checked entry points for the system calls: access mode, length clipping, position handling.
// A NULL `position` uses and advances the file's own. -EBADF for the wrong access mode, -EFAULT
// when any segment leaves the user half (nothing moved then), -ESPIPE for a position in a stream.
typedef int64_t (*file_transfer)(struct file *file, struct user_iterator *iterator,
                                 uint64_t *position);
never_inlined int64_t file_transfer_at(struct file *file, file_transfer operation,
                                       struct user_iterator *iterator, uint64_t *position);
static inline int64_t file_transfer_checked(struct file *file, file_transfer operation,
                                            struct user_iterator *iterator, uint64_t *position)
{
    if (unlikely(!operation))
        return file_is_path_only(file) ? -EBADF : -EINVAL;
    // All segments are checked before anything moves, and Linux's limit for one call is applied.
    if (unlikely(!user_iterator_is_valid(iterator)))
        return -EFAULT;
    if (unlikely(iterator->remaining > IO_LENGTH_LIMIT))
        iterator->remaining = IO_LENGTH_LIMIT;
    if (likely(file->position_use != POSITION_KEPT && !position))
        return operation(file, iterator, NULL);
    return file_transfer_at(file, operation, iterator, position);
}
must_check static inline int64_t file_read(struct file *file, struct user_iterator *target,
                                           uint64_t *position)
{
    if (unlikely(!file_is_readable(file)))
        return -EBADF;
    return file_transfer_checked(file, file->operations->read, target, position);
}
must_check static inline int64_t file_write(struct file *file, struct user_iterator *source,
                                            uint64_t *position)
{
    if (unlikely(!file_is_writable(file)))
        return -EBADF;
    return file_transfer_checked(file, file->operations->write, source, position);
}
must_check int64_t file_seek(struct file *file, int64_t offset, int whence);
void file_stat(struct file *file, struct abi_stat *stat);

extern const struct file_operations regular_file_operations;
extern const struct file_operations directory_operations;
extern const struct file_operations fifo_operations;
// For the seek operation of files whose size is known: all of lseek, on file->position.
int64_t file_seek_within(struct file *file, int64_t offset, int whence, uint64_t size);
