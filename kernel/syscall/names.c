// Names in directories: make, link, unlink, rename, read links; and the working directory.

#include "abi/errno.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define HERE ((uint64_t)AT_FDCWD)
#define DIRECTORY_BUFFER_LIMIT 32768u

static int64_t make_directory(uint64_t directory, uint64_t path, uint64_t mode)
{
    struct path_argument argument;
    int error = path_argument_take(&argument, directory, path);
    if (error)
        return error;
    error = path_make_directory(argument.start, argument.path.text,
                                mode & 01777 & ~current_process()->umask);
    path_argument_drop(&argument);
    return error;
}

HANDLER2(mkdir, path, mode)
{
    return make_directory(HERE, path, mode);
}

HANDLER3(mkdirat, directory, path, mode)
{
    return make_directory(directory, path, mode);
}

// Devices are the kernel's, which binds their operations itself: a number alone opens nothing.
static int64_t make_node(uint64_t directory, uint64_t path, uint64_t mode)
{
    struct path_argument argument;
    uint32_t kind = (uint32_t)mode & S_IFMT;
    if (kind == S_IFCHR || kind == S_IFBLK)
        return -EPERM;
    int error = path_argument_take(&argument, directory, path);
    if (error)
        return error;
    error = path_make_node(argument.start, argument.path.text,
                           (uint32_t)mode & ~current_process()->umask, 0, NULL, NULL);
    path_argument_drop(&argument);
    return error;
}

HANDLER2(mknod, path, mode)
{
    return make_node(HERE, path, mode);
}

HANDLER3(mknodat, directory, path, mode)
{
    return make_node(directory, path, mode);
}

static int64_t remove_name(uint64_t directory, uint64_t path, bool is_directory)
{
    struct path_argument argument;
    int error = path_argument_take(&argument, directory, path);
    if (error)
        return error;
    error = path_unlink(argument.start, argument.path.text, is_directory);
    path_argument_drop(&argument);
    return error;
}

HANDLER1(rmdir, path)
{
    return remove_name(HERE, path, true);
}

HANDLER1(unlink, path)
{
    return remove_name(HERE, path, false);
}

HANDLER3(unlinkat, directory, path, flags)
{
    if ((uint32_t)flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return remove_name(directory, path, flags & AT_REMOVEDIR);
}

// rename and link: two paths, each with its directory.
typedef int (*pair_operation)(struct inode *old_start, const char *old_path,
                              struct inode *new_start, const char *new_path, uint32_t flags);

static int64_t change_pair(pair_operation operation, uint64_t old_directory, uint64_t old_path,
                           uint64_t new_directory, uint64_t new_path, uint32_t flags)
{
    struct path_argument old, new;
    int error = path_argument_take(&old, old_directory, old_path);
    if (error)
        return error;
    error = path_argument_take(&new, new_directory, new_path);
    if (!error) {
        error = operation(old.start, old.path.text, new.start, new.path.text, flags);
        path_argument_drop(&new);
    }
    path_argument_drop(&old);
    return error;
}

HANDLER2(rename, old_path, new_path)
{
    return change_pair(path_rename, HERE, old_path, HERE, new_path, 0);
}

HANDLER4(renameat, old_directory, old_path, new_directory, new_path)
{
    return change_pair(path_rename, old_directory, old_path, new_directory, new_path, 0);
}

HANDLER5(renameat2, old_directory, old_path, new_directory, new_path, flags)
{
    return change_pair(path_rename, old_directory, old_path, new_directory, new_path,
                       (uint32_t)flags);
}

HANDLER2(link, old_path, new_path)
{
    return change_pair(path_link, HERE, old_path, HERE, new_path, LOOKUP_NO_FOLLOW);
}

HANDLER5(linkat, old_directory, old_path, new_directory, new_path, flags)
{
    if ((uint32_t)flags & ~AT_SYMLINK_FOLLOW)
        return -EINVAL;
    return change_pair(path_link, old_directory, old_path, new_directory, new_path,
                       flags & AT_SYMLINK_FOLLOW ? 0 : LOOKUP_NO_FOLLOW);
}

static int64_t make_symlink(uint64_t target, uint64_t directory, uint64_t path)
{
    struct path_text target_text;
    int error = path_text_take(&target_text, target, false);
    if (error)
        return error;
    struct path_argument argument;
    error = path_argument_take(&argument, directory, path);
    if (!error) {
        error = path_symlink(argument.start, argument.path.text, target_text.text);
        path_argument_drop(&argument);
    }
    path_text_drop(&target_text);
    return error;
}

HANDLER2(symlink, target, path)
{
    return make_symlink(target, HERE, path);
}

HANDLER3(symlinkat, target, directory, path)
{
    return make_symlink(target, directory, path);
}

static int64_t read_link(uint64_t directory, uint64_t path, uint64_t buffer, uint64_t size)
{
    if ((int32_t)size <= 0)
        return -EINVAL;
    struct path_argument argument;
    int64_t result = path_argument_take(&argument, directory, path);
    if (result)
        return result;
    size_t target_size = min_of((uint64_t)(uint32_t)size, (uint64_t)PATH_LIMIT);
    char *target = memory_allocate(target_size);
    result = -ENOMEM;
    if (target)
        result = path_read_link(argument.start, argument.path.text, target, target_size);
    if (result > 0 &&
        copy_to_user(user_addr_make(buffer), target, min_of((size_t)result, target_size)) != 0)
        result = -EFAULT;
    memory_release(target);
    path_argument_drop(&argument);
    return result > 0 ? min_of(result, (int64_t)target_size) : result;
}

HANDLER3(readlink, path, buffer, size)
{
    return read_link(HERE, path, buffer, size);
}

HANDLER4(readlinkat, directory, path, buffer, size)
{
    return read_link(directory, path, buffer, size);
}

HANDLER1(chdir, path)
{
    struct path_argument argument;
    int error = path_argument_take(&argument, HERE, path);
    if (error)
        return error;
    struct inode *directory;
    error = path_lookup(argument.start, argument.path.text, LOOKUP_DIRECTORY, &directory);
    if (!error)
        process_set_working_directory(current_process(), directory);
    path_argument_drop(&argument);
    return error;
}

HANDLER1(fchdir, descriptor)
{
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = -ENOTDIR;
    if (file->inode && (file->inode->mode & S_IFMT) == S_IFDIR) {
        inode_reference(file->inode);
        process_set_working_directory(current_process(), file->inode);
        result = 0;
    }
    file_release(file);
    return result;
}

HANDLER2(getcwd, buffer, size)
{
    struct inode *directory = process_working_directory(current_process());
    size_t text_size = min_of(size, (uint64_t)PATH_LIMIT);
    char *text = memory_allocate(PATH_LIMIT);
    int64_t length = -ENOMEM;
    if (text)
        length = path_of_directory(directory, text, text_size);
    if (length > 0 && copy_to_user(user_addr_make(buffer), text, (size_t)length) != 0)
        length = -EFAULT;
    memory_release(text);
    inode_release(directory);
    return length;
}

// The position moves on only when the program got the entries.
static int64_t read_entries(struct file *file, uint64_t buffer, char *entries, size_t size)
{
    mutex_acquire(&file->position_mutex);
    uint64_t position = file->position;
    int64_t length = file->operations->read_directory(file, entries, size, &position);
    if (length > 0 && copy_to_user(user_addr_make(buffer), entries, (size_t)length) != 0)
        length = -EFAULT;
    if (length >= 0)
        file->position = position;
    mutex_release(&file->position_mutex);
    return length;
}

HANDLER3(getdents64, descriptor, buffer, size)
{
    struct file *file = descriptor_open_file(descriptor);
    if (!file)
        return -EBADF;
    int64_t result = file->operations->read_directory ? -EINVAL : -ENOTDIR;
    if (result == -EINVAL && (int32_t)size >= 0) {
        size_t entries_size = min_of((uint64_t)(uint32_t)size, (uint64_t)DIRECTORY_BUFFER_LIMIT);
        char *entries = memory_allocate(max_of(entries_size, (size_t)1));
        result = entries ? read_entries(file, buffer, entries, entries_size) : -ENOMEM;
        memory_release(entries);
    }
    file_release(file);
    return result;
}
