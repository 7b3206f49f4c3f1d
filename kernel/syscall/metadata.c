// What is known of files: stat in all its forms, and access.

#include "abi/errno.h"
#include "lib/string.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define HERE ((uint64_t)AT_FDCWD)

static int stat_descriptor(uint64_t descriptor, struct abi_stat *stat)
{
    struct borrowed_file borrowed = descriptor_borrow(descriptor);
    if (!borrowed.file)
        return -EBADF;
    file_stat(borrowed.file, stat);
    borrowed_file_return(borrowed);
    return 0;
}

// An empty path with AT_EMPTY_PATH may name a pipe, which has no inode.
static int stat_path(uint64_t directory, uint64_t path, uint32_t at_flags, struct abi_stat *stat)
{
    char first = 1;
    if (at_flags & AT_EMPTY_PATH && get_user(first, user_addr_make(path)) != 0)
        return -EFAULT;
    if (first == '\0' && (int32_t)directory != AT_FDCWD)
        return stat_descriptor(directory, stat);
    struct inode *inode;
    int error = inode_argument_take(directory, path, at_flags, &inode);
    if (error)
        return error;
    inode_stat(inode, stat);
    inode_release(inode);
    return 0;
}

static int64_t copy_stat(int error, const struct abi_stat *stat, uint64_t result)
{
    return error ? error : copy_to_user(user_addr_make(result), stat, sizeof(*stat));
}

HANDLER2(stat, path, result)
{
    struct abi_stat stat;
    return copy_stat(stat_path(HERE, path, 0, &stat), &stat, result);
}

HANDLER2(lstat, path, result)
{
    struct abi_stat stat;
    return copy_stat(stat_path(HERE, path, AT_SYMLINK_NOFOLLOW, &stat), &stat, result);
}

HANDLER2(fstat, descriptor, result)
{
    struct abi_stat stat;
    return copy_stat(stat_descriptor(descriptor, &stat), &stat, result);
}

HANDLER4(newfstatat, directory, path, result, flags)
{
    struct abi_stat stat;
    if ((uint32_t)flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
        return -EINVAL;
    return copy_stat(stat_path(directory, path, (uint32_t)flags, &stat), &stat, result);
}

static struct abi_statx_timestamp to_statx_time(const struct abi_timespec *time)
{
    return (struct abi_statx_timestamp){ .seconds = time->seconds,
                                         .nanoseconds = (uint32_t)time->nanoseconds };
}

HANDLER5(statx, directory, path, flags, mask, result)
{
    uint32_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
    struct abi_stat stat;
    if ((uint32_t)flags & ~known || mask & STATX_RESERVED)
        return -EINVAL;
    int error = stat_path(directory, path, (uint32_t)flags, &stat);
    if (error)
        return error;
    struct abi_statx statx;
    memset(&statx, 0, sizeof(statx));
    statx.mask = STATX_BASIC_STATS;
    statx.blksize = (uint32_t)stat.blksize;
    statx.nlink = (uint32_t)stat.nlink;
    statx.uid = stat.uid;
    statx.gid = stat.gid;
    statx.mode = (uint16_t)stat.mode;
    statx.ino = stat.ino;
    statx.size = (uint64_t)stat.size;
    statx.blocks = (uint64_t)stat.blocks;
    statx.atime = to_statx_time(&stat.atime);
    statx.ctime = to_statx_time(&stat.ctime);
    statx.mtime = to_statx_time(&stat.mtime);
    // Device numbers are small: minor in the low byte, major above it.
    statx.rdev_major = (uint32_t)(stat.rdev >> 8);
    statx.rdev_minor = stat.rdev & 0xff;
    statx.dev_major = (uint32_t)(stat.dev >> 8);
    statx.dev_minor = stat.dev & 0xff;
    return copy_to_user(user_addr_make(result), &statx, sizeof(statx));
}

// Everybody is root: reading and writing are always allowed, executing needs one x bit.
static int64_t check_access(uint64_t directory, uint64_t path, uint32_t mode, uint32_t at_flags)
{
    if (mode & ~ACCESS_MASK)
        return -EINVAL;
    struct inode *inode;
    int error = inode_argument_take(directory, path, at_flags, &inode);
    if (error)
        return error;
    bool is_directory = (inode->mode & S_IFMT) == S_IFDIR;
    if (mode & ACCESS_EXECUTE && !is_directory && !(inode->mode & 0111))
        error = -EACCES;
    inode_release(inode);
    return error;
}

HANDLER2(access, path, mode)
{
    return check_access(HERE, path, (uint32_t)mode, 0);
}

HANDLER3(faccessat, directory, path, mode)
{
    return check_access(directory, path, (uint32_t)mode, 0);
}

HANDLER4(faccessat2, directory, path, mode, flags)
{
    if ((uint32_t)flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return check_access(directory, path, (uint32_t)mode, (uint32_t)flags);
}
