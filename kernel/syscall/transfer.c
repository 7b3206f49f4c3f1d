// read, write and their kin: one or many segments of user memory, at the file's position or a given
// one. The checks of mode, range and length are file_read()'s and file_write()'s.

#include "abi/errno.h"
#include "mem/object_cache.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define SEGMENTS_ON_STACK 8u

typedef int64_t (*file_transfer)(struct file *file, struct user_iterator *iterator,
                                 uint64_t *position);

_Static_assert(sizeof(struct user_segment) == sizeof(struct abi_iovec) &&
                   offsetof(struct user_segment, length) == offsetof(struct abi_iovec, length),
               "an iovec array can be copied into segments");

static int64_t transfer_segments(uint64_t descriptor, struct user_segment *segments, uint32_t count,
                                 file_transfer operation, uint64_t *position)
{
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    struct user_iterator iterator;
    user_iterator_init(&iterator, segments, count);
    iterator.end_limit = file_size_limit();
    int64_t result = operation(file, &iterator, position);
    file_release(file);
    return transfer_finish(result);
}

static int64_t transfer_buffer(uint64_t descriptor, uint64_t buffer, uint64_t length,
                               file_transfer operation, uint64_t *position)
{
    struct user_segment segment = { user_addr_make(buffer), length };
    return transfer_segments(descriptor, &segment, 1, operation, position);
}

// Copies the array and cuts it where Linux's limit for one call is reached. -EFAULT, -EINVAL.
static int copy_segments(struct user_segment *segments, uint64_t vector, uint32_t count)
{
    int error = copy_from_user(segments, user_addr_make(vector), count * sizeof(*segments));
    if (error)
        return error;
    for (uint32_t i = 0; i < count; i++) {
        if ((int64_t)segments[i].length < 0)
            return -EINVAL;
    }
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!user_range_is_valid(segments[i].base, segments[i].length))
            return -EFAULT;
        segments[i].length = min_of(segments[i].length, IO_LENGTH_LIMIT - total);
        total += segments[i].length;
    }
    return 0;
}

static int64_t transfer_vector(uint64_t descriptor, uint64_t vector, uint64_t count,
                               file_transfer operation, uint64_t *position)
{
    struct user_segment few[SEGMENTS_ON_STACK], *segments = few;
    if (count > IO_SEGMENT_LIMIT)
        return -EINVAL;
    if (count > SEGMENTS_ON_STACK) {
        segments = memory_allocate(count * sizeof(*segments));
        if (!segments)
            return -ENOMEM;
    }
    int64_t result = copy_segments(segments, vector, (uint32_t)count);
    if (result == 0)
        result = transfer_segments(descriptor, segments, (uint32_t)count, operation, position);
    if (segments != few)
        memory_release(segments);
    return result;
}

HANDLER3(read, descriptor, buffer, length)
{
    return transfer_buffer(descriptor, buffer, length, file_read, NULL);
}

HANDLER3(write, descriptor, buffer, length)
{
    return transfer_buffer(descriptor, buffer, length, file_write, NULL);
}

HANDLER4(pread64, descriptor, buffer, length, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_buffer(descriptor, buffer, length, file_read, &offset);
}

HANDLER4(pwrite64, descriptor, buffer, length, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_buffer(descriptor, buffer, length, file_write, &offset);
}

HANDLER3(readv, descriptor, vector, count)
{
    return transfer_vector(descriptor, vector, count, file_read, NULL);
}

HANDLER3(writev, descriptor, vector, count)
{
    return transfer_vector(descriptor, vector, count, file_write, NULL);
}

HANDLER4(preadv, descriptor, vector, count, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_vector(descriptor, vector, count, file_read, &offset);
}

HANDLER4(pwritev, descriptor, vector, count, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_vector(descriptor, vector, count, file_write, &offset);
}

HANDLER3(lseek, descriptor, offset, whence)
{
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = file_seek(file, (int64_t)offset, (int32_t)whence);
    file_release(file);
    return result;
}
