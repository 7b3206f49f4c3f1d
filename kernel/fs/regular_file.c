// Reading, writing and mapping regular files. Called through file.c. A writer holds the inode's
// write_mutex while it copies from the program; readers copy without any lock, from page frames
// that they hold a reference of.
#include "abi/errno.h"
#include "fs/file.h"
#include "fs/inode_pages.h"
#include "fs/path.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define IOCTL_FIONREAD 0x541bu

static int64_t read_regular(struct file *file, struct user_iterator *target, uint64_t *position)
{
    uint64_t offset = *position;
    int64_t moved = 0;
    while (target->remaining > 0) {
        struct frame *frame;
        size_t chunk = inode_find_page(file->inode, offset, &frame);
        if (chunk == 0)
            break;
        chunk = min_of(chunk, target->remaining);
        size_t copied;
        if (frame) {
            const char *page = frame_pointer(frame);
            copied = user_iterator_write(target, page + offset % PAGE_SIZE, chunk);
            frame_release(frame);
        } else {
            copied = user_iterator_zero(target, chunk);
        }
        moved += (int64_t)copied;
        offset += copied;
        if (copied < chunk) {
            moved = moved ? moved : -EFAULT;
            break;
        }
        preempt_point();
    }
    *position = offset;
    inode_mark_accessed(file->inode);
    return moved;
}

// From the program into the page that holds `offset`; bytes copied, or an error.
// write_mutex held.
static int64_t write_page(struct inode *inode, struct user_iterator *source, uint64_t offset,
                          size_t chunk)
{
    int error;
    struct frame *frame = inode_make_page(inode, offset / PAGE_SIZE, &error);
    if (!frame)
        return error;
    char *page = frame_pointer(frame);
    size_t copied = user_iterator_read(source, page + offset % PAGE_SIZE, chunk);
    if (copied > 0)
        inode_mark_written(inode, offset + copied);
    if (copied < chunk)
        inode_discard_unwritten(inode, frame, offset / PAGE_SIZE);
    frame_release(frame);
    return copied > 0 ? (int64_t)copied : -EFAULT;
}

static int64_t write_pages(struct inode *inode, struct user_iterator *source, uint64_t offset)
{
    if (source->remaining == 0)
        return 0;
    uint64_t end = min_of(FILE_SIZE_LIMIT, source->end_limit);
    if (offset >= end)
        return -EFBIG;
    uint64_t length = min_of(source->remaining, end - offset);
    uint64_t moved = 0;
    inode_clear_gap(inode, offset);
    while (moved < length) {
        uint64_t here = offset + moved;
        size_t chunk = min_of(length - moved, PAGE_SIZE - here % PAGE_SIZE);
        int64_t copied = write_page(inode, source, here, chunk);
        if (copied < 0)
            return moved ? (int64_t)moved : copied;
        moved += (uint64_t)copied;
        if ((size_t)copied < chunk)
            break;
        preempt_point();
    }
    return (int64_t)moved;
}

static int64_t write_regular(struct file *file, struct user_iterator *source, uint64_t *position)
{
    struct inode *inode = file->inode;
    mutex_acquire(&inode->write_mutex);
    bool appends = atomic_load_explicit(&file->flags, memory_order_relaxed) & O_APPEND;
    uint64_t offset = appends ? inode->size : *position;
    int64_t result = write_pages(inode, source, offset);
    mutex_release(&inode->write_mutex);
    if (result > 0)
        *position = offset + (uint64_t)result;
    return result;
}

static int64_t seek_regular(struct file *file, int64_t offset, int whence)
{
    return file_seek_within(file, offset, whence, file->inode->size);
}

static int64_t control_regular(struct file *file, uint32_t request, user_addr argument)
{
    if (request != IOCTL_FIONREAD)
        return -ENOTTY;
    int32_t left = (int32_t)(file->inode->size - file->position);
    return put_user(argument, left);
}

// For /proc/PID/maps. Set once: readers need the lock only to see it or not.
static void note_mapped_path(const struct file *file)
{
    struct inode *inode = file->inode;
    if (inode->mapped_path)
        return;
    char *copy = path_of_file(file);
    spinlock_acquire(&inode->lock);
    if (!inode->mapped_path) {
        inode->mapped_path = copy;
        copy = NULL;
    }
    spinlock_release(&inode->lock);
    memory_release(copy);
}

static int map_regular(struct file *file, struct memory_object **object)
{
    note_mapped_path(file);
    inode_reference(file->inode);
    *object = &file->inode->object;
    return 0;
}

const struct file_operations regular_file_operations = {
    .read = read_regular,
    .write = write_regular,
    .seek = seek_regular,
    .ioctl = control_regular,
    .map = map_regular,
};
