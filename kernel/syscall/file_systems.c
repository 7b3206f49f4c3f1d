// File systems: what they hold, and mounting, which there is none of.

#include "abi/errno.h"
#include "fs/pipe.h"
#include "mem/frame.h"
#include "pseudo/pseudo.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

// Files are page frames.
static void fill_memory_counts(struct abi_statfs *result)
{
    struct frame_counts frames;
    frames_count(&frames);
    result->type = TMPFS_MAGIC;
    uint64_t room = inode_page_room();
    result->blocks = frames.used[FRAME_FILE] + room;
    result->blocks_free = result->blocks_available = room;
    result->files = inodes_live() + room;
    result->files_free = room;
}

static int64_t report_file_system(const struct inode *inode, uint64_t address)
{
    struct abi_statfs result = { .block_size = PAGE_SIZE,
                                 .name_length = NAME_LIMIT,
                                 .fragment_size = PAGE_SIZE,
                                 .id = inode->device };
    if (inode->device == PROC_DEVICE_NUMBER)
        result.type = PROC_MAGIC;
    else if (pipe_is_unnamed(inode))
        result.type = PIPE_MAGIC;
    else
        fill_memory_counts(&result);
    return put_user(user_addr_make(address), result);
}

HANDLER2(statfs, path, result)
{
    struct inode *inode;
    int error = inode_argument_take((uint64_t)AT_FDCWD, path, 0, &inode);
    if (error)
        return error;
    int64_t status = report_file_system(inode, result);
    inode_release(inode);
    return status;
}

HANDLER2(fstatfs, descriptor, result)
{
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t status = report_file_system(file->inode, result);
    file_release(file);
    return status;
}

// The tree is what it is since boot: nobody may change it.
HANDLER5(mount, source, target, type, flags, data)
{
    return -EPERM;
}

HANDLER2(umount2, target, flags)
{
    return -EPERM;
}
