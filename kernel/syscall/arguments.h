// What many handlers do with their raw arguments: paths, directories to start at, descriptors.
#pragma once

#include "fs/path.h"
#include "proc/process.h"

#define PATH_SHORT 128u // most paths are shorter: these need no memory of the heap

// A path as a kernel string.
struct path_text {
    char *text; // `own`, or on the heap
    char own[PATH_SHORT];
};
// -EFAULT, -ENAMETOOLONG, -ENOENT (empty), -ENOMEM. On success the caller drops it.
must_check int path_text_take(struct path_text *path, uint64_t address, bool may_be_empty);
void path_text_drop(struct path_text *path);

// A path and the directory it starts at.
struct path_argument {
    struct path_text path;
    struct inode *start; // one reference; NULL when the path is absolute
};

// -EFAULT, -ENAMETOOLONG, -ENOENT (empty), -EBADF, -ENOTDIR, -ENOMEM. On success the caller drops
// it.
must_check int path_argument_take(struct path_argument *argument, uint64_t directory,
                                  uint64_t path);
void path_argument_drop(struct path_argument *argument);
// The inode that a path names, or, with AT_EMPTY_PATH and an empty path, that the descriptor refers
// to; one reference. Looks at AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH only.
must_check int inode_argument_take(uint64_t directory, uint64_t path, uint32_t at_flags,
                                   struct inode **inode);

// The file behind a descriptor, for the length of a call that does not close the descriptor itself.
// No reference is needed while the running thread is the table's only user: the table's own keeps
// the file.
struct borrowed_file {
    struct file *file; // NULL: -EBADF
    bool has_reference;
};
static inline struct borrowed_file descriptor_borrow(uint64_t descriptor)
{
    struct file_table *table = current_process()->files;
    if (likely(file_table_is_unshared(table)))
        return (struct borrowed_file){ file_table_peek(table, (int32_t)descriptor), false };
    return (struct borrowed_file){ file_table_get(table, (int32_t)descriptor), true };
}
// Nothing is to be given back when there was no file.
static inline void borrowed_file_return(struct borrowed_file borrowed)
{
    if (unlikely(borrowed.has_reference))
        file_release(borrowed.file);
}

// The file with a reference, or NULL for -EBADF.
must_check struct file *descriptor_file(uint64_t descriptor);
// As descriptor_file(), but O_PATH descriptors do not count.
must_check struct file *descriptor_open_file(uint64_t descriptor);
// A new descriptor for the file, whose reference is used up either way. -EMFILE, -ENOMEM.
must_check int64_t descriptor_install(struct file *file, uint32_t minimum, bool close_on_exec);
uint32_t descriptor_limit(void); // descriptors must be below

// RLIMIT_FSIZE: where the running process's writes to regular files end; UINT64_MAX: nowhere.
uint64_t file_size_limit(void);
// Raises what belongs to a failed write: SIGPIPE for -EPIPE, SIGXFSZ for -EFBIG under a limit.
void transfer_raise(int64_t error);
// Gives back the result of a write after that.
static inline int64_t transfer_finish(int64_t result)
{
    if (unlikely(result < 0))
        transfer_raise(result);
    return result;
}

// signals.c: for the calls that wait under another mask. -EINVAL, -EFAULT. What is borrowed is
// given back by the second, or by the exit gate when the call was interrupted.
must_check int signal_mask_borrow(uint64_t mask, uint64_t mask_size);
void signal_mask_give_back(void);

// time.c: a timespec as nanoseconds, WAIT_FOREVER when it does not fit. -EFAULT, -EINVAL.
must_check int timespec_take(uint64_t address, uint64_t *ns);
uint64_t deadline_after(uint64_t duration_ns);       // on the kernel clock; WAIT_FOREVER stays that
uint64_t time_until(uint64_t deadline_ns);           // 0 when it has passed
uint64_t realtime_to_deadline(uint64_t realtime_ns); // likewise, of a date

// futex.c, poll.c: for restart_syscall.
must_check int64_t futex_wait_restart(const struct sleep_restart *restart);
must_check int64_t poll_restart(const struct sleep_restart *restart);
