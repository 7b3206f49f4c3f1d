// sendfile: bytes of a regular file go to another file by way of a kernel page.

#include "abi/errno.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"
#include "syscall/arguments.h"
#include "syscall/syscall.h"

// What was taken from one file but not by the other is not counted, and read again by the next
// call. Bytes moved, or the error that came before any were.
static int64_t copy_bytes(struct file *to, struct file *from, uint64_t offset, uint64_t length)
{
    char *page = memory_allocate(PAGE_SIZE);
    int64_t moved = 0, step = -ENOMEM;
    while (page && (uint64_t)moved < length) {
        if (moved > 0 && thread_has_work(current_thread()))
            break;
        size_t wanted = min_of(length - (uint64_t)moved, PAGE_SIZE);
        step = inode_read(from->inode, offset + (uint64_t)moved, page, wanted);
        if (step <= 0)
            break;
        size_t got = (size_t)step;
        struct user_iterator source;
        user_iterator_init_kernel(&source, page, got);
        source.end_limit = file_size_limit();
        step = file_write(to, &source, NULL);
        if (step <= 0)
            break;
        moved += step;
        if ((size_t)step < got)
            break;
        preempt_point();
    }
    memory_release(page);
    return moved ? moved : min_of(step, (int64_t)0);
}

static int check_files(const struct file *to, const struct file *from)
{
    if (!file_is_readable(from) || !file_is_writable(to))
        return -EBADF;
    bool appends = atomic_load_explicit(&to->flags, memory_order_relaxed) & O_APPEND;
    return from->operations != &regular_file_operations || appends ? -EINVAL : 0;
}

// Without an address the file's own position counts and moves. The lock is not held while the
// bytes move: both files may be the same one.
static int64_t send_bytes(struct file *to, struct file *from, uint64_t address, uint64_t length)
{
    int64_t offset;
    if (address) {
        if (get_user(offset, user_addr_make(address)) != 0)
            return -EFAULT;
        if (offset < 0)
            return -EINVAL;
    } else {
        mutex_acquire(&from->position_mutex);
        offset = (int64_t)from->position;
        mutex_release(&from->position_mutex);
    }
    int64_t moved = length ? copy_bytes(to, from, (uint64_t)offset, length) : 0;
    offset += max_of(moved, (int64_t)0);
    if (address) // written back also where it is what it was, as on Linux
        return put_user(user_addr_make(address), offset) != 0 ? -EFAULT : moved;
    if (moved <= 0)
        return moved;
    mutex_acquire(&from->position_mutex);
    from->position = (uint64_t)offset;
    mutex_release(&from->position_mutex);
    return moved;
}

HANDLER4(sendfile, to_descriptor, from_descriptor, offset, length)
{
    struct file *from = descriptor_open_file(from_descriptor);
    if (!from)
        return -EBADF;
    struct file *to = descriptor_open_file(to_descriptor);
    int64_t result = to ? check_files(to, from) : -EBADF;
    if (result == 0 && (int64_t)length < 0)
        result = -EINVAL;
    if (result == 0)
        result = send_bytes(to, from, offset, min_of(length, IO_LENGTH_LIMIT));
    if (to)
        file_release(to);
    file_release(from);
    return transfer_finish(result);
}
