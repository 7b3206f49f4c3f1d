// Raw arguments into kernel objects. Called by the handlers that take paths or descriptors.
// Invariant: user memory is copied once, and only the copy is looked at.

#include "syscall/arguments.h"

#include "abi/errno.h"
#include "fs/memory_fs.h"
#include "mem/object_cache.h"
#include "proc/signal.h"

int path_text_take(uint64_t path, bool may_be_empty, char **text)
{
    char *copy = memory_allocate(PATH_LIMIT);
    if (!copy)
        return -ENOMEM;
    int64_t length = copy_string_from_user(copy, user_addr_make(path), PATH_LIMIT);
    if (length == 0 && !may_be_empty)
        length = -ENOENT;
    if (length < 0) {
        memory_release(copy);
        return (int)length;
    }
    *text = copy;
    return 0;
}

static int take_start(uint64_t directory, const char *text, struct inode **start)
{
    if (text[0] == '/') {
        *start = memory_fs_root();
        inode_reference(*start);
        return 0;
    }
    if ((int32_t)directory == AT_FDCWD) {
        *start = process_working_directory(current_process());
        return 0;
    }
    struct file *file = descriptor_file(directory);
    if (!file)
        return -EBADF;
    struct inode *inode = file->inode;
    bool is_directory = inode && (inode->mode & S_IFMT) == S_IFDIR;
    if (is_directory) {
        inode_reference(inode);
        *start = inode;
    }
    file_release(file);
    return is_directory ? 0 : -ENOTDIR;
}

int path_argument_take(struct path_argument *argument, uint64_t directory, uint64_t path)
{
    int error = path_text_take(path, false, &argument->text);
    if (error)
        return error;
    error = take_start(directory, argument->text, &argument->start);
    if (error)
        memory_release(argument->text);
    return error;
}

void path_argument_drop(struct path_argument *argument)
{
    inode_release(argument->start);
    memory_release(argument->text);
}

static int take_descriptor_inode(uint64_t descriptor, struct inode **inode)
{
    if ((int32_t)descriptor == AT_FDCWD) {
        *inode = process_working_directory(current_process());
        return 0;
    }
    struct file *file = descriptor_file(descriptor);
    if (!file)
        return -EBADF;
    int error = -EINVAL; // a pipe: nothing that could be changed
    if (file->inode) {
        inode_reference(file->inode);
        *inode = file->inode;
        error = 0;
    }
    file_release(file);
    return error;
}

int inode_argument_take(uint64_t directory, uint64_t path, uint32_t at_flags, struct inode **inode)
{
    char *text;
    int error = path_text_take(path, at_flags & AT_EMPTY_PATH, &text);
    if (error)
        return error;
    struct inode *start;
    if (text[0] == '\0') {
        error = take_descriptor_inode(directory, inode);
    } else {
        error = take_start(directory, text, &start);
        if (!error) {
            uint32_t flags = at_flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0;
            error = path_lookup(start, text, flags, inode);
            inode_release(start);
        }
    }
    memory_release(text);
    return error;
}

struct file *descriptor_file(uint64_t descriptor)
{
    return file_table_get(current_process()->files, (int32_t)descriptor);
}

struct file *descriptor_open_file(uint64_t descriptor)
{
    struct file *file = descriptor_file(descriptor);
    if (!file || !file_is_path_only(file))
        return file;
    file_release(file);
    return NULL;
}

uint32_t descriptor_limit(void)
{
    uint64_t limit = current_process()->limits[RLIMIT_NOFILE].current;
    return (uint32_t)min_of(limit, (uint64_t)FILE_TABLE_LIMIT);
}

uint64_t file_size_limit(void)
{
    return current_process()->limits[RLIMIT_FSIZE].current;
}

void transfer_raise(int64_t error)
{
    if (error == -EPIPE)
        signal_send_self(SIGPIPE);
    if (error == -EFBIG && file_size_limit() < FILE_SIZE_LIMIT)
        signal_send_self(SIGXFSZ);
}

int64_t descriptor_install(struct file *file, uint32_t minimum, bool close_on_exec)
{
    int descriptor = file_table_install(current_process()->files, file, (int)minimum,
                                        descriptor_limit(), close_on_exec);
    if (descriptor < 0)
        file_release(file);
    return descriptor;
}
