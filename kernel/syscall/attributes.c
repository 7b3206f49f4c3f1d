// What can be changed of a file besides its name and contents: mode, owner, times, size.

#include "abi/errno.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define HERE ((uint64_t)AT_FDCWD)
#define NS_PER_SECOND 1000000000

static int64_t change_mode(int error, struct inode *inode, uint64_t mode)
{
    if (error)
        return error;
    if (inode->has_fixed_mode) {
        inode_release(inode);
        return -EPERM;
    }
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
    inode->changed = now;
    spinlock_release(&inode->lock);
    inode_release(inode);
    return 0;
}

static int take_file_inode(uint64_t descriptor, struct inode **inode)
{
    struct file *file = descriptor_open_file(descriptor);
    if (!file)
        return -EBADF;
    *inode = file->inode;
    if (file->inode)
        inode_reference(file->inode);
    file_release(file);
    return *inode ? 0 : -EINVAL;
}

HANDLER2(chmod, path, mode)
{
    struct inode *inode = NULL;
    return change_mode(inode_argument_take(HERE, path, 0, &inode), inode, mode);
}

HANDLER3(fchmodat, directory, path, mode)
{
    struct inode *inode = NULL;
    return change_mode(inode_argument_take(directory, path, 0, &inode), inode, mode);
}

HANDLER2(fchmod, descriptor, mode)
{
    struct inode *inode = NULL;
    return change_mode(take_file_inode(descriptor, &inode), inode, mode);
}

static int64_t change_owner(int error, struct inode *inode, uint32_t user, uint32_t group)
{
    if (error)
        return error;
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    if (user != OWNER_UNCHANGED)
        inode->uid = user;
    if (group != OWNER_UNCHANGED)
        inode->gid = group;
    inode->changed = now;
    spinlock_release(&inode->lock);
    inode_release(inode);
    return 0;
}

HANDLER3(chown, path, user, group)
{
    struct inode *inode = NULL;
    int error = inode_argument_take(HERE, path, 0, &inode);
    return change_owner(error, inode, (uint32_t)user, (uint32_t)group);
}

HANDLER3(lchown, path, user, group)
{
    struct inode *inode = NULL;
    int error = inode_argument_take(HERE, path, AT_SYMLINK_NOFOLLOW, &inode);
    return change_owner(error, inode, (uint32_t)user, (uint32_t)group);
}

HANDLER3(fchown, descriptor, user, group)
{
    struct inode *inode = NULL;
    int error = take_file_inode(descriptor, &inode);
    return change_owner(error, inode, (uint32_t)user, (uint32_t)group);
}

HANDLER5(fchownat, directory, path, user, group, flags)
{
    struct inode *inode = NULL;
    if ((uint32_t)flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int error = inode_argument_take(directory, path, (uint32_t)flags, &inode);
    return change_owner(error, inode, (uint32_t)user, (uint32_t)group);
}

static bool time_is_valid(const struct abi_timespec *time)
{
    return time->nanoseconds == UTIME_NOW || time->nanoseconds == UTIME_OMIT ||
           (time->nanoseconds >= 0 && time->nanoseconds < NS_PER_SECOND);
}

static void set_time(struct abi_timespec *time, const struct abi_timespec *wanted,
                     const struct abi_timespec *now)
{
    if (wanted->nanoseconds == UTIME_NOW)
        *time = *now;
    else if (wanted->nanoseconds != UTIME_OMIT)
        *time = *wanted;
}

// `path` 0: the descriptor itself.
static int take_times_inode(uint64_t directory, uint64_t path, uint32_t flags, struct inode **inode)
{
    if (path == 0 && (int32_t)directory != AT_FDCWD)
        return flags ? -EINVAL : take_file_inode(directory, inode);
    return inode_argument_take(directory, path, flags, inode);
}

HANDLER4(utimensat, directory, path, times, flags)
{
    struct abi_timespec wanted[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
    if (times && get_user(wanted, user_addr_make(times)) != 0)
        return -EFAULT;
    if ((uint32_t)flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) || !time_is_valid(&wanted[0]) ||
        !time_is_valid(&wanted[1]))
        return -EINVAL;
    struct inode *inode;
    int error = take_times_inode(directory, path, (uint32_t)flags, &inode);
    if (error)
        return error;
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    set_time(&inode->accessed, &wanted[0], &now);
    set_time(&inode->modified, &wanted[1], &now);
    inode->changed = now;
    spinlock_release(&inode->lock);
    inode_release(inode);
    return 0;
}

static int64_t resize(struct inode *inode, uint64_t length)
{
    bool is_regular = (inode->mode & S_IFMT) == S_IFREG;
    if (is_regular && length > inode->size && length > file_size_limit())
        return transfer_finish(-EFBIG);
    return inode_truncate(inode, length);
}

HANDLER2(truncate, path, length)
{
    if ((int64_t)length < 0)
        return -EINVAL;
    struct inode *inode;
    int error = inode_argument_take(HERE, path, 0, &inode);
    if (error)
        return error;
    int64_t result = resize(inode, length);
    inode_release(inode);
    return result;
}

HANDLER2(ftruncate, descriptor, length)
{
    if ((int64_t)length < 0)
        return -EINVAL;
    struct file *file = descriptor_open_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = -EINVAL;
    if (file->inode && file_is_writable(file))
        result = resize(file->inode, length);
    file_release(file);
    return result;
}

static int64_t synchronise(uint64_t descriptor)
{
    struct inode *inode;
    int error = take_file_inode(descriptor, &inode);
    if (error)
        return error;
    inode_release(inode); // files live in memory: there is nothing to write
    return 0;
}

HANDLER1(fsync, descriptor)
{
    return synchronise(descriptor);
}

HANDLER1(fdatasync, descriptor)
{
    return synchronise(descriptor);
}

HANDLER0(sync)
{
    return 0;
}
