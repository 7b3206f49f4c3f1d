// Operations that change names: make, link, unlink, rename. Each holds the namespace mutex from the
// walk to the change, and drops the last reference of what it removed after that, since freeing a
// large file takes long.
#include "abi/errno.h"
#include "fs/directory.h"
#include "fs/path.h"
#include "fs/path_walk.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

// The walk stands before a name that must not exist yet.
static int insert_last(struct path_walk *walk, struct inode *inode)
{
    struct inode *existing;
    int error = path_walk_find_last(walk, &existing);
    if (error)
        return error;
    if (existing)
        return -EEXIST;
    if (walk->trailing_slash && !inode_is_directory(inode))
        return -ENOENT;
    if (walk->directory->link_count == 0 || walk->directory->name_operations)
        return -ENOENT;
    return directory_insert(walk->directory, walk->name, walk->name_length, inode);
}

// Gives a new inode its first name. The caller keeps its own reference.
static int name_new_inode(struct inode *start, const char *path, struct inode *inode)
{
    struct path_walk walk;
    shared_mutex_acquire(&namespace_mutex);
    int error = path_walk_to_last(&walk, start, path);
    if (!error)
        error = insert_last(&walk, inode);
    if (!error)
        inode->link_count = inode_is_directory(inode) ? 2 : 1;
    path_walk_end(&walk);
    namespace_release();
    return error;
}

int path_make_directory(struct inode *start, const char *path, uint32_t mode)
{
    struct inode *inode = inode_create(S_IFDIR | (mode & 01777));
    if (!inode)
        return -ENOMEM;
    inode->size = PAGE_SIZE; // what programs expect to see
    int error = name_new_inode(start, path, inode);
    inode_release(inode);
    return error;
}

int path_make_node(struct inode *start, const char *path, uint32_t mode, uint64_t rdevice,
                   const struct file_operations *operations, void *data)
{
    uint32_t kind = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
    if (kind == S_IFDIR)
        return -EPERM;
    if (kind != S_IFREG && kind != S_IFCHR && kind != S_IFBLK && kind != S_IFIFO &&
        kind != S_IFSOCK)
        return -EINVAL;
    struct inode *inode = inode_create(kind | (mode & 07777));
    if (!inode)
        return -ENOMEM;
    inode->rdevice = rdevice;
    inode->device_operations = operations;
    inode->device_data = data;
    int error = name_new_inode(start, path, inode);
    inode_release(inode);
    return error;
}

int path_symlink(struct inode *start, const char *path, const char *target)
{
    size_t length = strnlen(target, PATH_LIMIT);
    if (length == 0)
        return -ENOENT;
    if (length == PATH_LIMIT)
        return -ENAMETOOLONG;
    struct inode *inode = inode_create(S_IFLNK | 0777);
    if (!inode)
        return -ENOMEM;
    int error = -ENOMEM;
    inode->size = length;
    inode->link_target = memory_duplicate_string(target);
    if (inode->link_target)
        error = name_new_inode(start, path, inode);
    inode_release(inode);
    return error;
}

int path_computed_link(struct inode *start, const char *path,
                       const struct link_operations *operations)
{
    struct inode *inode = inode_create(S_IFLNK | 0777);
    if (!inode)
        return -ENOMEM;
    inode->link_operations = operations;
    int error = name_new_inode(start, path, inode);
    inode_release(inode);
    return error;
}

static int link_locked(struct path_walk *walk, struct inode *inode, struct inode *start,
                       const char *path)
{
    int error = path_walk_to_last(walk, start, path);
    if (error)
        return error;
    if (inode->device != walk->directory->device && !walk->directory->name_operations)
        return -EXDEV;
    if (inode_is_directory(inode))
        return -EPERM;
    if (inode->link_count == 0)
        return -ENOENT; // removed since it was looked up
    if (inode->link_count == UINT32_MAX)
        return -EMLINK;
    error = insert_last(walk, inode);
    if (error)
        return error;
    inode->link_count++;
    struct abi_timespec now = inode_now();
    spinlock_acquire(&inode->lock);
    inode->changed = now;
    spinlock_release(&inode->lock);
    return 0;
}

int path_link_inode(struct inode *inode, struct inode *start, const char *path)
{
    struct path_walk walk;
    shared_mutex_acquire(&namespace_mutex);
    int error = link_locked(&walk, inode, start, path);
    path_walk_end(&walk);
    namespace_release();
    return error;
}

int path_link(struct inode *old_start, const char *old_path, struct inode *new_start,
              const char *new_path, uint32_t flags)
{
    struct inode *inode;
    int error = path_lookup(old_start, old_path, flags & LOOKUP_NO_FOLLOW, &inode);
    if (error)
        return error;
    error = path_link_inode(inode, new_start, new_path);
    inode_release(inode);
    return error;
}

// May the last component be removed as the kind of thing that is asked for?
static int check_removal(const struct path_walk *walk, const struct inode *inode, bool directory)
{
    if (walk->last == LAST_NAME && !inode)
        return -ENOENT;
    if (walk->last == LAST_NAME && walk->directory->name_operations)
        return -EPERM;
    if (directory) {
        if (walk->last == LAST_DOT)
            return -EINVAL;
        if (walk->last == LAST_DOT_DOT)
            return -ENOTEMPTY;
        if (walk->last != LAST_NAME)
            return -EBUSY;
        if (!inode_is_directory(inode))
            return -ENOTDIR;
        if (inode->device != walk->directory->device)
            return -EBUSY;
        return list_is_empty(&inode->entry_order) ? 0 : -ENOTEMPTY;
    }
    if (walk->last != LAST_NAME || inode_is_directory(inode))
        return -EISDIR;
    return walk->trailing_slash ? -ENOTDIR : 0;
}

static int unlink_locked(struct path_walk *walk, struct inode *start, const char *path,
                         bool directory, struct inode **removed)
{
    struct inode *inode;
    int error = path_walk_to_last(walk, start, path);
    if (!error)
        error = path_walk_find_last(walk, &inode);
    if (!error)
        error = check_removal(walk, inode, directory);
    if (error)
        return error;
    struct directory_entry *entry = directory_find(walk->directory, walk->name, walk->name_length);
    *removed = directory_erase(walk->directory, entry);
    directory_forget(*removed);
    return 0;
}

int path_unlink(struct inode *start, const char *path, bool directory)
{
    struct path_walk walk;
    struct inode *removed = NULL;
    shared_mutex_acquire(&namespace_mutex);
    int error = unlink_locked(&walk, start, path, directory, &removed);
    path_walk_end(&walk);
    namespace_release();
    if (removed)
        inode_release(removed);
    return error;
}

// Is `inode` the directory itself or one of its ancestors?
static bool contains_directory(const struct inode *inode, const struct inode *directory)
{
    for (;; directory = directory->parent) {
        if (directory == inode)
            return true;
        if (directory->parent == directory)
            return false;
        preempt_point();
    }
}

// File systems are told apart by their device numbers, mount points by their parent's.
static int check_rename_borders(const struct path_walk *old, const struct path_walk *new,
                                const struct inode *source, const struct inode *target)
{
    if (old->directory->device != new->directory->device)
        return -EXDEV;
    if (source->device != old->directory->device ||
        (target && target->device != new->directory->device))
        return -EBUSY;
    if (new->directory->name_operations)
        return target ? -EPERM : -ENOENT;
    return old->directory->name_operations ? -EPERM : 0;
}

static int check_rename(const struct path_walk *old, const struct path_walk *new,
                        const struct inode *source, const struct inode *target, uint32_t flags)
{
    if (!source)
        return -ENOENT;
    int error = check_rename_borders(old, new, source, target);
    if (error)
        return error;
    if (target && (flags & RENAME_NOREPLACE))
        return -EEXIST;
    bool is_directory = inode_is_directory(source);
    if (!is_directory && (old->trailing_slash || new->trailing_slash))
        return -ENOTDIR;
    if (is_directory && contains_directory(source, new->directory))
        return -EINVAL;
    if (new->directory->link_count == 0)
        return -ENOENT;
    if (!target || target == source)
        return 0;
    if (inode_is_directory(target) && contains_directory(target, old->directory))
        return -ENOTEMPTY;
    if (is_directory && !inode_is_directory(target))
        return -ENOTDIR;
    if (!is_directory && inode_is_directory(target))
        return -EISDIR;
    return is_directory && !list_is_empty(&target->entry_order) ? -ENOTEMPTY : 0;
}

static int rename_last(struct path_walk *old, struct path_walk *new, uint32_t flags,
                       struct inode **removed)
{
    struct inode *source, *target;
    int error = path_walk_find_last(old, &source);
    if (!error)
        error = path_walk_find_last(new, &target);
    if (!error)
        error = check_rename(old, new, source, target, flags);
    if (error || target == source)
        return error;
    if (target) {
        struct directory_entry *entry = directory_find(new->directory, new->name, new->name_length);
        *removed = directory_replace(new->directory, entry, source);
        directory_forget(*removed);
    } else {
        error = directory_insert(new->directory, new->name, new->name_length, source);
        if (error)
            return error;
    }
    // The new name has a reference of its own: this one cannot be the last.
    struct directory_entry *entry = directory_find(old->directory, old->name, old->name_length);
    inode_release(directory_erase(old->directory, entry));
    struct abi_timespec now = inode_now();
    spinlock_acquire(&source->lock);
    source->changed = now;
    spinlock_release(&source->lock);
    return 0;
}

static int rename_locked(struct path_walk *old, struct path_walk *new, uint32_t flags,
                         struct inode **removed)
{
    if (old->last != LAST_NAME)
        return -EBUSY;
    if (new->last != LAST_NAME)
        return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
    return rename_last(old, new, flags, removed);
}

int path_rename(struct inode *old_start, const char *old_path, struct inode *new_start,
                const char *new_path, uint32_t flags)
{
    if (flags & ~RENAME_NOREPLACE)
        return -EINVAL;
    struct path_walk old, new = { 0 };
    struct inode *removed = NULL;
    shared_mutex_acquire(&namespace_mutex);
    int error = path_walk_to_last(&old, old_start, old_path);
    if (!error)
        error = path_walk_to_last(&new, new_start, new_path);
    if (!error)
        error = rename_locked(&old, &new, flags, &removed);
    path_walk_end(&new);
    path_walk_end(&old);
    namespace_release();
    if (removed)
        inode_release(removed);
    return error;
}
