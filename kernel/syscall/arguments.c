// Raw arguments into kernel objects. Called by the handlers that take paths or descriptors.
// Invariant: user memory is copied once, and only the copy is looked at.

#include "syscall/arguments.h"

#include "abi/errno.h"
#include "lib/protection.h"
#include "mem/object_cache.h"
#include "proc/signal.h"

// A path that its own buffer does not hold.
never_inlined static int take_long_text(struct path_text *path, user_addr address,
                                        bool may_be_empty)
{
    path->text = memory_allocate(PATH_LIMIT);
    if (!path->text)
        return -ENOMEM;
    int64_t length = copy_string_from_user(path->text, address, PATH_LIMIT);
    if (length == 0 && !may_be_empty) // it was longer a moment ago: memory may be shared
        length = -ENOENT;
    if (length < 0)
        memory_release(path->text);
    return (int)min_of(length, (int64_t)0);
}

int path_text_take(struct path_text *path, uint64_t address, bool may_be_empty)
{
    user_addr from = user_addr_make(address);
    path->text = path->own;
    int64_t length = copy_string_from_user(path->own, from, PATH_SHORT);
    if (likely(length > 0))
        return 0;
    if (length == -ENAMETOOLONG)
        return take_long_text(path, from, may_be_empty);
    return length == 0 && !may_be_empty ? -ENOENT : (int)length;
}

void path_text_drop(struct path_text *path)
{
    if (path->text != path->own)
        memory_release(path->text);
}

never_inlined static int take_relative_start(uint64_t directory, struct inode **start)
{
    if ((int32_t)directory == AT_FDCWD) {
        *start = process_working_directory(current_process());
        return 0;
    }
    struct borrowed_file borrowed = descriptor_borrow(directory);
    if (!borrowed.file)
        return -EBADF;
    struct inode *inode = borrowed.file->inode;
    bool is_directory = inode && (inode->mode & S_IFMT) == S_IFDIR;
    if (is_directory) {
        inode_reference(inode);
        *start = inode;
    }
    borrowed_file_return(borrowed);
    return is_directory ? 0 : -ENOTDIR;
}

static inline int take_start(uint64_t directory, const char *text, struct inode **start)
{
    *start = NULL;
    return text[0] == '/' ? 0 : take_relative_start(directory, start);
}

static void drop_start(struct inode *start)
{
    if (start)
        inode_release(start);
}

int path_argument_take(struct path_argument *argument, uint64_t directory, uint64_t path)
{
    int error = path_text_take(&argument->path, path, false);
    if (error)
        return error;
    error = take_start(directory, argument->path.text, &argument->start);
    if (error)
        path_text_drop(&argument->path);
    return error;
}

void path_argument_drop(struct path_argument *argument)
{
    drop_start(argument->start);
    path_text_drop(&argument->path);
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
    struct path_text text;
    int error = path_text_take(&text, path, at_flags & AT_EMPTY_PATH);
    if (error)
        return error;
    struct inode *start;
    if (text.text[0] == '\0') {
        error = take_descriptor_inode(directory, inode);
    } else {
        error = take_start(directory, text.text, &start);
        if (!error) {
            uint32_t flags = at_flags & AT_SYMLINK_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0;
            error = path_lookup(start, text.text, flags, inode);
            drop_start(start);
        }
    }
    path_text_drop(&text);
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
    uint64_t limit =
        PROTECT_LIMITS ? current_process()->limits[RLIMIT_NOFILE].current : RLIM_INFINITY;
    return (uint32_t)min_of(limit, (uint64_t)FILE_TABLE_LIMIT);
}

uint64_t file_size_limit(void)
{
    return PROTECT_LIMITS ? current_process()->limits[RLIMIT_FSIZE].current : RLIM_INFINITY;
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
