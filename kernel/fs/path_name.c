// What a place in the tree is called, from the root on. Called by getcwd, by open, and for /proc.
// The namespace mutex guards what is read here. Names are written backwards, from a directory up to
// the root.
#include "abi/errno.h"
#include "fs/directory.h"
#include "fs/memory_fs.h"
#include "fs/path.h"
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
    if (directory->own_entry && directory->link_count == 0)
        return -ENOENT; // removed
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
    shared_mutex_acquire_shared(&namespace_mutex);
    int64_t result = path_of_directory_locked(directory, buffer, size);
    namespace_release_shared();
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

// The path of a name in a directory, on the heap; of the directory itself when the name is empty.
static char *join_path(const struct inode *directory, const char *name, size_t name_length)
{
    size_t own = name_length ? 1 + name_length : 0;
    int64_t length = measure_path(directory);
    if (length < 0 || (size_t)length + own >= PATH_LIMIT)
        return NULL;
    char *path = memory_allocate((size_t)length + own + 2);
    if (!path)
        return NULL;
    bool written = write_path(directory, path + length);
    path[length] = '/'; // the root itself, or before the last name
    memcpy(path + length + 1, name, name_length);
    path[max_of((size_t)length + own, (size_t)1)] = '\0';
    if (written)
        return path;
    memory_release(path);
    return NULL;
}

char *path_name_of_walk(const struct path_walk *walk, struct inode *inode)
{
    if (inode_is_directory(inode))
        return join_path(inode, "", 0);
    if (walk->last == LAST_INODE)
        return name_by_link(walk, inode);
    return walk->last == LAST_NAME ? join_path(walk->directory, walk->name, walk->name_length)
                                   : NULL;
}

char *path_of_file_locked(const struct file *file)
{
    const struct file_place *place = &file->place;
    const char *name = place->long_name ? place->long_name : place->name;
    if (place->directory)
        return join_path(place->directory, name, strlen(name));
    return place->long_name ? memory_duplicate_string(place->long_name) : NULL;
}

char *path_of_file(const struct file *file)
{
    shared_mutex_acquire_shared(&namespace_mutex);
    char *path = path_of_file_locked(file);
    namespace_release_shared();
    return path;
}
