// read, write and their kin: one or many segments of user memory, at the file's position or a given
// one. The checks of mode, range and length are file_read()'s and file_write()'s.

#include "abi/errno.h"
#include "mem/object_cache.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define SEGMENTS_ON_STACK 8u

_Static_assert(sizeof(struct user_segment) == sizeof(struct abi_iovec) &&
                   offsetof(struct user_segment, length) == offsetof(struct abi_iovec, length),
               "an iovec array can be copied into segments");

static inline int64_t write_limited(struct file *file, struct user_iterator *source,
                                    uint64_t *position)
{
    source->end_limit = file_size_limit();
    return transfer_finish(file_write(file, source, position));
}

inlined_always int64_t transfer_buffer(struct file *file, uint64_t buffer, uint64_t length,
                                       file_transfer operation, uint64_t *position)
{
    struct user_iterator iterator;
    user_iterator_init(&iterator, user_addr_make(buffer), length);
    return operation(file, &iterator, position);
}

never_inlined static int64_t transfer_shared(uint64_t descriptor, uint64_t buffer, uint64_t length,
                                             file_transfer operation, uint64_t *position)
{
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = transfer_buffer(file, buffer, length, operation, position);
    file_release(file);
    return result;
}

// As descriptor_borrow() has it, but in two ways, so that the usual one has nothing to remember.
inlined_always int64_t transfer(uint64_t descriptor, uint64_t buffer, uint64_t length,
                                file_transfer operation, uint64_t *position)
{
    const struct file_table *table = current_process()->files;
    if (unlikely(!file_table_is_unshared(table)))
        return transfer_shared(descriptor, buffer, length, operation, position);
    struct file *file = file_table_peek(table, (int32_t)descriptor);
    return likely(file) ? transfer_buffer(file, buffer, length, operation, position) : -EBADF;
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

static int64_t transfer_segments(uint64_t descriptor, const struct user_segment *segments,
                                 uint32_t count, file_transfer operation, uint64_t *position)
{
    struct borrowed_file borrowed = descriptor_borrow(descriptor);
    if (!borrowed.file)
        return -EBADF;
    struct user_iterator iterator;
    user_iterator_init_vector(&iterator, segments, count);
    int64_t result = operation(borrowed.file, &iterator, position);
    borrowed_file_return(borrowed);
    return result;
}

static int64_t transfer_vector(uint64_t descriptor, uint64_t vector, uint32_t count,
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
    int64_t result = copy_segments(segments, vector, count);
    if (result == 0)
        result = transfer_segments(descriptor, segments, count, operation, position);
    if (segments != few)
        memory_release(segments);
    return result;
}

HANDLER3(read, descriptor, buffer, length)
{
    return transfer(descriptor, buffer, length, file_read, NULL);
}

HANDLER3(write, descriptor, buffer, length)
{
    return transfer(descriptor, buffer, length, write_limited, NULL);
}

HANDLER4(pread64, descriptor, buffer, length, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer(descriptor, buffer, length, file_read, &offset);
}

HANDLER4(pwrite64, descriptor, buffer, length, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer(descriptor, buffer, length, write_limited, &offset);
}

HANDLER3(readv, descriptor, vector, count)
{
    return transfer_vector(descriptor, vector, (uint32_t)count, file_read, NULL);
}

HANDLER3(writev, descriptor, vector, count)
{
    return transfer_vector(descriptor, vector, (uint32_t)count, write_limited, NULL);
}

HANDLER4(preadv, descriptor, vector, count, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_vector(descriptor, vector, (uint32_t)count, file_read, &offset);
}

HANDLER4(pwritev, descriptor, vector, count, offset)
{
    if ((int64_t)offset < 0)
        return -EINVAL;
    return transfer_vector(descriptor, vector, (uint32_t)count, write_limited, &offset);
}

HANDLER3(lseek, descriptor, offset, whence)
{
    struct borrowed_file borrowed = descriptor_borrow(descriptor);
    if (!borrowed.file)
        return -EBADF;
    int64_t result = file_seek(borrowed.file, (int64_t)offset, (int32_t)whence);
    borrowed_file_return(borrowed);
    return result;
}
