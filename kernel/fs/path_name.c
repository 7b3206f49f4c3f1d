// What a place in the tree is called, from the root on. Called by getcwd, by open, and for /proc.
// The namespace mutex guards what is read here. Names are written backwards, from a directory up to
// the root.
#include "abi/errno.h"
#include "fs/directory.h"
#include "fs/memory_fs.h"
#include "fs/path_walk.h"
#include "lib/string.h"
#include "mem/object_cache.h"

// A directory's own name: its length, with *name pointing into the tree or at `computed`. -ENOENT.
static int64_t own_name(const struct inode *directory, char computed[COMPUTED_NAME_SIZE],
                        const char **name)
{
    const struct directory_entry *entry = directory->own_entry;
    const struct name_operations *operations = directory->name_operations;
    if (entry) {
        *name = entry->name;
        return entry->name_length;
    }
    if (!operations || !operations->own_name)
        return -ENOENT;
    int error = operations->own_name(directory, computed);
    *name = computed;
    return error ? error : (int64_t)strlen(computed);
}

// The length of the path without terminator, 0 for the root; -ENOENT when it was removed,
// -ENAMETOOLONG when no call could take it: a tree may be deeper than paths are long.
static int64_t measure_path(const struct inode *directory)
{
    const struct inode *root = memory_fs_root();
    int64_t length = 0;
    for (; directory != root; directory = directory->parent) {
        char computed[COMPUTED_NAME_SIZE];
        const char *name;
        int64_t own = own_name(directory, computed, &name);
        if (own < 0)
            return own;
        length += 1 + own;
        if (length >= (int64_t)PATH_LIMIT)
            return -ENAMETOOLONG;
    }
    return length;
}

// Writes a path that was measured so that it ends before `end`; the root's is nothing. False: the
// owner of a computed name has just gone.
static bool write_path(const struct inode *directory, char *end)
{
    const struct inode *root = memory_fs_root();
    for (; directory != root; directory = directory->parent) {
        char computed[COMPUTED_NAME_SIZE];
        const char *name;
        int64_t own = own_name(directory, computed, &name);
        if (own < 0)
            return false;
        end -= own;
        memcpy(end, name, (size_t)own);
        *--end = '/';
    }
    return true;
}

int64_t path_of_directory_locked(struct inode *directory, char *buffer, size_t size)
{
    int64_t length = measure_path(directory);
    if (length < 0)
        return length;
    bool is_root = length == 0;
    if ((size_t)length + is_root + 1 > size)
        return -ERANGE;
    if (is_root)
        buffer[length++] = '/';
    else if (!write_path(directory, buffer + length))
        return -ENOENT;
    buffer[length] = '\0';
    return length + 1;
}

int64_t path_of_directory(struct inode *directory, char *buffer, size_t size)
{
    if (!inode_is_directory(directory))
        return -ENOTDIR;
    mutex_acquire(&namespace_mutex);
    int64_t result = path_of_directory_locked(directory, buffer, size);
    mutex_release(&namespace_mutex);
    return result;
}

// A computed link led to the inode: what its text says, when that is a path.
static char *name_by_link(const struct path_walk *walk, const struct inode *inode)
{
    static const char mark[] = " (deleted)";
    struct inode *link = walk->found;
    if (!link || !link->link_operations)
        return NULL;
    char *name = memory_allocate(PATH_LIMIT);
    int64_t length = name ? link->link_operations->read(link, name, PATH_LIMIT - 1) : -ENOMEM;
    if (length <= 0 || length >= (int64_t)PATH_LIMIT || name[0] != '/') {
        memory_release(name);
        return NULL;
    }
    size_t kept = (size_t)length - (sizeof(mark) - 1);
    if (inode->link_count == 0 && (size_t)length > sizeof(mark) - 1 &&
        strcmp(name + kept, mark) == 0)
        name[kept] = '\0';
    return name;
}

char *path_name_of_walk(const struct path_walk *walk, struct inode *inode)
{
    bool is_directory = inode_is_directory(inode);
    if (!is_directory && walk->last == LAST_INODE)
        return name_by_link(walk, inode);
    if (!is_directory && walk->last != LAST_NAME)
        return NULL;
    const struct inode *directory = is_directory ? inode : walk->directory;
    size_t own = is_directory ? 0 : 1 + walk->name_length;
    int64_t length = measure_path(directory);
    if (length < 0 || (size_t)length + own >= PATH_LIMIT)
        return NULL;
    char *name = memory_allocate((size_t)length + own + 2);
    if (!name)
        return NULL;
    bool written = write_path(directory, name + length);
    name[length] = '/'; // the root itself, or before the last name
    if (own > 1)
        memcpy(name + length + 1, walk->name, own - 1);
    name[max_of((size_t)length + own, (size_t)1)] = '\0';
    if (written)
        return name;
    memory_release(name);
    return NULL;
}
