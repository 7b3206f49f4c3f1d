// Descriptors themselves: opening, closing, duplicating, flags, pipes, ioctl.

#include "abi/errno.h"
#include "fs/pipe.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define STATUS_FLAGS_CHANGEABLE (O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)
#define PIPE_CAPACITY 65536

static int64_t open_file(uint64_t directory, uint64_t path, uint32_t flags, uint64_t mode)
{
    if (flags & O_TMPFILE_BIT)
        return -EOPNOTSUPP;
    struct path_argument argument;
    int error = path_argument_take(&argument, directory, path);
    if (error)
        return error;
    struct file *file;
    error = path_open(argument.start, argument.path.text, flags | O_LARGEFILE,
                      mode & 07777 & ~current_process()->umask, &file);
    path_argument_drop(&argument);
    if (error)
        return error;
    return descriptor_install(file, 0, flags & O_CLOEXEC);
}

HANDLER3(open, path, flags, mode)
{
    return open_file((uint64_t)AT_FDCWD, path, (uint32_t)flags, mode);
}

HANDLER4(openat, directory, path, flags, mode)
{
    return open_file(directory, path, (uint32_t)flags, mode);
}

HANDLER2(creat, path, mode)
{
    return open_file((uint64_t)AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

HANDLER1(close, descriptor)
{
    return file_table_close(current_process()->files, (int32_t)descriptor);
}

HANDLER1(dup, descriptor)
{
    struct file *file = descriptor_file(descriptor);
    return file ? descriptor_install(file, 0, false) : -EBADF;
}

static int64_t replace_descriptor(uint64_t old, uint64_t new, bool close_on_exec)
{
    struct file *file = descriptor_file(old);
    if (!file)
        return -EBADF;
    int64_t result = (int32_t) new;
    if ((int32_t)old != (int32_t) new)
        result = file_table_replace(current_process()->files, file, (int32_t) new,
                                    descriptor_limit(), close_on_exec);
    file_release(file);
    return result;
}

HANDLER2(dup2, old, new)
{
    return replace_descriptor(old, new, false);
}

HANDLER3(dup3, old, new, flags)
{
    if ((uint32_t)flags & ~O_CLOEXEC || (int32_t)old == (int32_t) new)
        return -EINVAL;
    return replace_descriptor(old, new, flags & O_CLOEXEC);
}

// Another thread may guess the numbers, and close or replace what is there, before the program was
// told them.
static int64_t install_ends(struct file *const ends[2], uint64_t result, bool close_on_exec)
{
    struct file_table *files = current_process()->files;
    int32_t descriptors[2];
    descriptors[0] = (int32_t)descriptor_install(ends[0], 0, close_on_exec);
    if (descriptors[0] < 0) {
        file_release(ends[1]);
        return descriptors[0];
    }
    descriptors[1] = (int32_t)descriptor_install(ends[1], 0, close_on_exec);
    int64_t error = descriptors[1] < 0 ? descriptors[1] : 0;
    if (!error)
        error = put_user(user_addr_make(result), descriptors);
    if (error && descriptors[1] >= 0)
        file_table_uninstall(files, descriptors[1], ends[1]);
    if (error)
        file_table_uninstall(files, descriptors[0], ends[0]);
    return error;
}

static int64_t make_pipe(uint64_t result, uint32_t flags)
{
    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    struct file *ends[2];
    int64_t error = pipe_create(flags & O_NONBLOCK, ends);
    if (error)
        return error;
    file_reference(ends[0]);
    file_reference(ends[1]);
    error = install_ends(ends, result, flags & O_CLOEXEC);
    file_release(ends[0]);
    file_release(ends[1]);
    return error;
}

HANDLER1(pipe, result)
{
    return make_pipe(result, 0);
}

HANDLER2(pipe2, result, flags)
{
    return make_pipe(result, (uint32_t)flags);
}

static int64_t duplicate_from(struct file *file, uint64_t minimum, bool close_on_exec)
{
    if (minimum >= descriptor_limit())
        return -EINVAL;
    file_reference(file);
    return descriptor_install(file, (uint32_t)minimum, close_on_exec);
}

static void change_status_flags(struct file *file, uint32_t wanted, uint32_t changeable)
{
    uint32_t old = atomic_load(&file->flags);
    while (!atomic_compare_exchange_weak(&file->flags, &old,
                                         (old & ~changeable) | (wanted & changeable)))
        continue;
}

static int64_t pipe_capacity(struct file *file)
{
    struct abi_stat stat;
    file_stat(file, &stat);
    return (stat.mode & S_IFMT) == S_IFIFO ? PIPE_CAPACITY : -EBADF;
}

static int64_t control_descriptor(struct file *file, int32_t descriptor, uint32_t command,
                                  uint64_t argument)
{
    struct file_table *files = current_process()->files;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate_from(file, (uint32_t)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return file_table_get_flags(files, descriptor);
    case F_SETFD:
        return file_table_set_flags(files, descriptor, argument & FD_CLOEXEC);
    case F_GETFL:
        return atomic_load(&file->flags);
    case F_SETFL:
        change_status_flags(file, (uint32_t)argument, STATUS_FLAGS_CHANGEABLE);
        return 0;
    case F_GETPIPE_SZ:
        return pipe_capacity(file);
    default:
        return -EINVAL;
    }
}

HANDLER3(fcntl, descriptor, command, argument)
{
    struct borrowed_file borrowed = descriptor_borrow(descriptor);
    if (!borrowed.file)
        return -EBADF;
    int64_t result =
        control_descriptor(borrowed.file, (int32_t)descriptor, (uint32_t)command, argument);
    borrowed_file_return(borrowed);
    return result;
}

static int64_t set_nonblocking(struct file *file, user_addr argument)
{
    int32_t on;
    int error = get_user(on, argument);
    if (!error)
        change_status_flags(file, on ? O_NONBLOCK : 0, O_NONBLOCK);
    return error;
}

static int64_t control_file(struct file *file, int32_t descriptor, uint32_t request,
                            user_addr argument)
{
    struct file_table *files = current_process()->files;
    switch (request) {
    case FIOCLEX:
        return file_table_set_flags(files, descriptor, true);
    case FIONCLEX:
        return file_table_set_flags(files, descriptor, false);
    case FIONBIO:
        return set_nonblocking(file, argument);
    default:
        return file->operations->ioctl ? file->operations->ioctl(file, request, argument) : -ENOTTY;
    }
}

HANDLER3(ioctl, descriptor, request, argument)
{
    struct file *file = descriptor_open_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result =
        control_file(file, (int32_t)descriptor, (uint32_t)request, user_addr_make(argument));
    file_release(file);
    return result;
}
