// Finding and opening by path. Called by the system calls, exec and the boot code. Takes the
// namespace mutex for the walk only: devices and pipes are opened, and files truncated, after it.
#include "fs/path.h"

#include "abi/errno.h"
#include "fs/directory.h"
#include "fs/memory_fs.h"
#include "fs/path_walk.h"
#include "fs/pipe.h"
#include "lib/string.h"
#include "mem/object_cache.h"

#define CREATION_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

// Walks on until the last component is not a link to follow. *inode NULL: the name does not exist.
static int resolve_last(struct path_walk *walk, bool follow, struct inode **inode)
{
    for (;;) {
        int error = path_walk_find_last(walk, inode);
        if (error || !*inode || !inode_is_link(*inode))
            return error;
        if (!follow && !walk->trailing_slash)
            return 0;
        error = path_walk_follow_last(walk, *inode);
        if (error)
            return error;
    }
}

static int lookup_locked(struct path_walk *walk, struct inode *start, const char *path,
                         uint32_t flags, struct inode **result)
{
    int error = path_walk_to_last(walk, start, path);
    if (!error)
        error = resolve_last(walk, !(flags & LOOKUP_NO_FOLLOW), result);
    if (error)
        return error;
    if (!*result)
        return -ENOENT;
    if ((walk->trailing_slash || (flags & LOOKUP_DIRECTORY)) && !inode_is_directory(*result))
        return -ENOTDIR;
    inode_reference(*result);
    return 0;
}

int path_lookup(struct inode *start, const char *path, uint32_t flags, struct inode **result)
{
    struct path_walk walk;
    mutex_acquire(&namespace_mutex);
    int error = lookup_locked(&walk, start, path, flags, result);
    path_walk_end(&walk);
    mutex_release(&namespace_mutex);
    return error;
}

static int create_last(struct path_walk *walk, uint32_t mode, struct inode **result)
{
    if (walk->trailing_slash)
        return -EISDIR;
    if (walk->directory->link_count == 0)
        return -ENOENT;
    struct inode *inode = inode_create(S_IFREG | (mode & 07777));
    if (!inode)
        return -ENOMEM;
    int error = directory_insert(walk->directory, walk->name, walk->name_length, inode);
    if (error) {
        inode_release(inode);
        return error;
    }
    inode->link_count = 1;
    *result = inode;
    return 0;
}

static int find_or_create(struct path_walk *walk, struct inode *start, const char *path,
                          uint32_t flags, uint32_t mode, struct inode **result, bool *created)
{
    int error = path_walk_to_last(walk, start, path);
    if (!error && walk->last == LAST_NAME && walk->trailing_slash)
        error = -EISDIR;
    if (!error)
        error = resolve_last(walk, !(flags & (O_EXCL | O_NOFOLLOW)), result);
    if (error)
        return error;
    if (!*result) {
        *created = true;
        return create_last(walk, mode, result);
    }
    if (flags & O_EXCL)
        return -EEXIST;
    if (inode_is_directory(*result))
        return -EISDIR;
    inode_reference(*result);
    return 0;
}

// The inode to open, with a reference.
static int find_for_open(struct inode *start, const char *path, uint32_t flags, uint32_t mode,
                         struct inode **result, bool *created)
{
    uint32_t lookup_flags =
        (flags & O_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0) | (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
    *created = false;
    if (!(flags & O_CREAT) || (flags & O_PATH))
        return path_lookup(start, path, lookup_flags, result);
    if (flags & O_DIRECTORY)
        return -EINVAL;
    struct path_walk walk;
    mutex_acquire(&namespace_mutex);
    int error = find_or_create(&walk, start, path, flags, mode, result, created);
    path_walk_end(&walk);
    mutex_release(&namespace_mutex);
    return error;
}

// What opening this inode means; *operations are those of the file.
static int check_kind(const struct inode *inode, uint32_t flags,
                      const struct file_operations **operations)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
    *operations = &path_only_operations;
    if (flags & O_PATH)
        return 0;
    *operations = inode->device_operations;
    switch (inode->mode & S_IFMT) {
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        *operations = &directory_operations;
        return writes ? -EISDIR : 0;
    case S_IFREG:
        if (!*operations)
            *operations = &regular_file_operations;
        return 0;
    case S_IFIFO:
        if (!*operations)
            *operations = &fifo_operations;
        return 0;
    default:
        return *operations ? 0 : -ENXIO;
    }
}

// What has to happen to the opened file before anybody sees it.
static int prepare_file(struct file *file, uint32_t flags, bool created)
{
    struct inode *inode = file->inode;
    bool is_regular = file->operations == &regular_file_operations;
    if (is_regular && file_is_writable(file) && atomic_load(&inode->executing) != 0)
        return -ETXTBSY;
    if (is_regular && (flags & O_TRUNC) && !created)
        return inode_truncate(inode, 0);
    return file->operations->open ? file->operations->open(file) : 0;
}

static int open_inode(struct inode *inode, const char *path, uint32_t flags, bool created,
                      struct file **result)
{
    const struct file_operations *operations;
    int error = check_kind(inode, flags, &operations);
    if (error)
        return error;
    uint32_t kept = flags & ~(uint32_t)CREATION_FLAGS;
    // A terminal's open() looks at O_NOCTTY; F_GETFL does not show it.
    struct file *file = file_create(operations, inode, kept | (flags & O_NOCTTY));
    if (!file)
        return -ENOMEM;
    file->path = memory_duplicate_string(path);
    error = prepare_file(file, flags, created);
    if (error) {
        file->operations = &path_only_operations; // nothing to release
        file_release(file);
        return error;
    }
    atomic_store(&file->flags, kept);
    *result = file;
    return 0;
}

int path_open(struct inode *start, const char *path, uint32_t flags, uint32_t mode,
              struct file **result)
{
    struct inode *inode;
    bool created;
    int error = find_for_open(start, path, flags, mode, &inode, &created);
    if (error)
        return error;
    error = open_inode(inode, path, flags, created, result);
    inode_release(inode);
    return error;
}

static int64_t read_link_locked(struct path_walk *walk, struct inode *start, const char *path,
                                char *buffer, size_t size)
{
    struct inode *inode;
    int error = path_walk_to_last(walk, start, path);
    if (!error)
        error = resolve_last(walk, false, &inode);
    if (error)
        return error;
    if (!inode)
        return -ENOENT;
    if (!inode_is_link(inode))
        return walk->trailing_slash && !inode_is_directory(inode) ? -ENOTDIR : -EINVAL;
    if (inode->link_operations)
        return inode->link_operations->read(inode, buffer, size);
    memcpy(buffer, inode->link_target, min_of(size, inode->size));
    return (int64_t)inode->size;
}

int64_t path_read_link(struct inode *start, const char *path, char *buffer, size_t size)
{
    struct path_walk walk;
    mutex_acquire(&namespace_mutex);
    int64_t result = read_link_locked(&walk, start, path, buffer, size);
    path_walk_end(&walk);
    mutex_release(&namespace_mutex);
    return result;
}

// Writes the path backwards from the end of the buffer; its length with terminator.
static int64_t write_path(const struct inode *directory, char *buffer, size_t size)
{
    const struct inode *root = memory_fs_root();
    size_t start = size;
    if (size < 2)
        return -ERANGE;
    buffer[--start] = '\0';
    if (directory == root)
        buffer[--start] = '/';
    for (; directory != root; directory = directory->parent) {
        const struct directory_entry *entry = directory->own_entry;
        if (!entry)
            return -ENOENT;
        if (start < entry->name_length + 1)
            return -ERANGE;
        start -= entry->name_length;
        memcpy(buffer + start, entry->name, entry->name_length);
        buffer[--start] = '/';
    }
    memmove(buffer, buffer + start, size - start);
    return (int64_t)(size - start);
}

int64_t path_of_directory(struct inode *directory, char *buffer, size_t size)
{
    if (!inode_is_directory(directory))
        return -ENOTDIR;
    mutex_acquire(&namespace_mutex);
    int64_t result = write_path(directory, buffer, size);
    mutex_release(&namespace_mutex);
    return result;
}
