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

// What a path names, without a reference.
static int find_locked(struct path_walk *walk, struct inode *start, const char *path,
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
    return 0;
}

int path_lookup_named(struct inode *start, const char *path, uint32_t flags, struct inode **result,
                      char **name)
{
    struct path_walk walk;
    shared_mutex_acquire_shared(&namespace_mutex);
    int error = find_locked(&walk, start, path, flags, result);
    if (!error)
        inode_reference(*result);
    if (!error && name)
        *name = path_name_of_walk(&walk, *result);
    path_walk_end(&walk);
    namespace_release_shared();
    return error;
}

int path_lookup(struct inode *start, const char *path, uint32_t flags, struct inode **result)
{
    return path_lookup_named(start, path, flags, result, NULL);
}

static int create_last(struct path_walk *walk, uint32_t mode, struct inode **result)
{
    if (walk->trailing_slash)
        return -EISDIR;
    if (walk->directory->link_count == 0 || walk->directory->name_operations)
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
    inode_release(inode); // its name has a reference
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
    return inode_is_directory(*result) ? -EISDIR : 0;
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
        if (*operations)
            return 0;
        *operations = &regular_file_operations;
        // A look before file_create() counts the writer: what will not come in makes no exec fail.
        return writes && atomic_load(&inode->executing) != 0 ? -ETXTBSY : 0;
    case S_IFIFO:
        if (!*operations)
            *operations = &fifo_operations;
        return 0;
    default:
        return *operations ? 0 : -ENXIO;
    }
}

// Nothing stays noted when memory is short, or when nothing but a computed link leads there and
// does not say where. Computed directories may not know their names any more when somebody asks.
static void note_place(const struct path_walk *walk, struct inode *inode, struct file_place *place)
{
    bool is_directory = inode_is_directory(inode);
    struct inode *directory = is_directory ? inode : walk->directory;
    if (directory->name_operations || (!is_directory && walk->last != LAST_NAME)) {
        place->long_name = path_name_of_walk(walk, inode);
        if (!place->long_name && walk->path[0] == '/')
            place->long_name = memory_duplicate_string(walk->path);
        return;
    }
    uint32_t length = is_directory ? 0 : walk->name_length;
    char *name = place->name;
    if (length >= FILE_NAME_SHORT)
        name = place->long_name = memory_allocate(length + 1);
    if (!name)
        return;
    memcpy(name, walk->name, length);
    inode_reference(directory);
    place->directory = directory;
}

// Finds or makes the inode and makes the file, which nobody sees yet.
static int open_locked(struct path_walk *walk, struct inode *start, const char *path,
                       uint32_t flags, uint32_t mode, bool *created, struct file **result)
{
    struct inode *inode;
    uint32_t lookup_flags =
        (flags & O_NOFOLLOW ? LOOKUP_NO_FOLLOW : 0) | (flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
    int error;
    if (flags & O_CREAT && !(flags & O_PATH))
        error = find_or_create(walk, start, path, flags, mode, &inode, created);
    else
        error = find_locked(walk, start, path, lookup_flags, &inode);
    const struct file_operations *operations;
    if (!error)
        error = check_kind(inode, flags, &operations);
    if (error)
        return error;
    // A terminal's open() looks at O_NOCTTY; F_GETFL does not show it.
    struct file *file =
        file_create(operations, inode, flags & (~(uint32_t)CREATION_FLAGS | O_NOCTTY));
    if (!file)
        return -ENOMEM;
    note_place(walk, inode, &file->place);
    *result = file;
    return 0;
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

int path_open(struct inode *start, const char *path, uint32_t flags, uint32_t mode,
              struct file **result)
{
    struct path_walk walk;
    struct file *file;
    bool created = false;
    if ((flags & (O_CREAT | O_PATH | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
        return -EINVAL;
    bool may_create = flags & O_CREAT && !(flags & O_PATH);
    if (may_create)
        shared_mutex_acquire(&namespace_mutex);
    else
        shared_mutex_acquire_shared(&namespace_mutex);
    int error = open_locked(&walk, start, path, flags, mode, &created, &file);
    path_walk_end(&walk);
    if (may_create)
        namespace_release();
    else
        namespace_release_shared();
    if (error)
        return error;
    error = prepare_file(file, flags, created);
    if (error) {
        file->operations = &path_only_operations; // nothing to release
        file_release(file);
        return error;
    }
    atomic_store_explicit(&file->flags, flags & ~(uint32_t)CREATION_FLAGS, memory_order_relaxed);
    *result = file;
    return 0;
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
    shared_mutex_acquire_shared(&namespace_mutex);
    int64_t result = read_link_locked(&walk, start, path, buffer, size);
    path_walk_end(&walk);
    namespace_release_shared();
    return result;
}
