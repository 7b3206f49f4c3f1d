// Unpacks initramfs archives into the tree. Called at boot, before any program runs. The archive is
// outside data: whatever is wrong with it ends in one sentence and an error.
#include "abi/errno.h"
#include "debug/log.h"
#include "fs/memory_fs.h"
#include "lib/cpio.h"
#include "lib/string.h"
#include "mem/object_cache.h"

// A file that has more names in the archive. Its content comes with one of them, usually the last.
struct pending_file {
    struct list_node link;
    struct inode *inode; // one reference
    uint32_t archive_number, mode, mtime;
    uint32_t names_left;
};

// Linux's encoding of device numbers.
static uint64_t encode_device(const struct cpio_entry *entry)
{
    uint64_t major = entry->device_major, minor = entry->device_minor;
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffull) << 12 |
           (major & ~0xfffull) << 32;
}

static bool entry_is_kind(const struct cpio_entry *entry, uint32_t kind)
{
    return (entry->mode & S_IFMT) == kind;
}

// Makes every directory above the last component that is missing.
static int make_parents(const char *name)
{
    char *path = memory_duplicate_string(name);
    int error = 0;
    if (!path)
        return -ENOMEM;
    for (char *slash = path; *slash && (!error || error == -EEXIST); slash++) {
        if (*slash != '/' || slash == path)
            continue;
        *slash = '\0';
        error = path_make_directory(memory_fs_root(), path, 0755);
        *slash = '/';
    }
    memory_release(path);
    return error == -EEXIST ? 0 : error;
}

static int make_link(const struct cpio_entry *entry)
{
    char *target = memory_allocate((size_t)entry->size + 1);
    if (!target)
        return -ENOMEM;
    memcpy(target, entry->data, entry->size);
    int error = path_symlink(memory_fs_root(), entry->name, target);
    memory_release(target);
    return error;
}

// `linked`: the file that this is another name of, or NULL.
static int make_entry(const struct cpio_entry *entry, struct inode *linked)
{
    struct inode *root = memory_fs_root();
    if (linked)
        return path_link_inode(linked, root, entry->name);
    if (entry_is_kind(entry, S_IFDIR))
        return path_make_directory(root, entry->name, entry->mode);
    if (entry_is_kind(entry, S_IFLNK))
        return make_link(entry);
    return path_make_node(root, entry->name, entry->mode, encode_device(entry), NULL, NULL);
}

// Later entries replace earlier ones; a directory that comes again stays as it is.
static int replace_entry(const struct cpio_entry *entry, struct inode *linked)
{
    struct inode *existing;
    int error = path_lookup(memory_fs_root(), entry->name, LOOKUP_NO_FOLLOW, &existing);
    if (error)
        return error;
    bool was_directory = (existing->mode & S_IFMT) == S_IFDIR;
    bool stays = existing == linked || (was_directory && entry_is_kind(entry, S_IFDIR));
    inode_release(existing);
    if (stays)
        return 0;
    error = path_unlink(memory_fs_root(), entry->name, was_directory);
    return error ? error : make_entry(entry, linked);
}

static int place_entry(const struct cpio_entry *entry, struct inode *linked)
{
    int error = make_entry(entry, linked);
    if (error == -ENOENT) {
        error = make_parents(entry->name);
        if (!error)
            error = make_entry(entry, linked);
    }
    return error == -EEXIST ? replace_entry(entry, linked) : error;
}

// Owner, times and content of what was just placed.
static int fill_inode(const struct cpio_entry *entry, struct inode *inode)
{
    inode->mode = (inode->mode & S_IFMT) | (entry->mode & 07777);
    inode->uid = entry->uid;
    inode->gid = entry->gid;
    int error = 0;
    if (entry_is_kind(entry, S_IFREG) && entry->size > 0) {
        error = inode_truncate(inode, 0);
        if (!error)
            error = inode_write(inode, 0, entry->data, entry->size);
    }
    inode->modified = (struct abi_timespec){ .seconds = entry->mtime };
    return error;
}

static struct pending_file *find_pending(struct list_node *pending, const struct cpio_entry *entry)
{
    list_for_each (node, pending) {
        struct pending_file *file = list_entry(node, struct pending_file, link);
        if (file->archive_number == entry->inode && file->mode == entry->mode &&
            file->mtime == entry->mtime)
            return file;
    }
    return NULL;
}

static void forget_pending(struct pending_file *file)
{
    list_remove(&file->link);
    inode_release(file->inode);
    memory_release(file);
}

static int remember_pending(struct list_node *pending, const struct cpio_entry *entry,
                            struct inode *inode)
{
    struct pending_file *file = memory_allocate(sizeof(*file));
    if (!file)
        return -ENOMEM;
    inode_reference(inode);
    file->inode = inode;
    file->archive_number = entry->inode;
    file->mode = entry->mode;
    file->mtime = entry->mtime;
    file->names_left = entry->link_count - 1;
    list_append(pending, &file->link);
    return 0;
}

static int unpack_entry(const struct cpio_entry *entry, struct list_node *pending)
{
    struct pending_file *file = NULL;
    bool has_more_names = entry_is_kind(entry, S_IFREG) && entry->link_count > 1;
    if (has_more_names)
        file = find_pending(pending, entry);
    int error = place_entry(entry, file ? file->inode : NULL);
    if (error)
        return error;
    struct inode *inode;
    error = path_lookup(memory_fs_root(), entry->name, LOOKUP_NO_FOLLOW, &inode);
    if (error)
        return error;
    error = fill_inode(entry, inode);
    if (!error && has_more_names && !file)
        error = remember_pending(pending, entry, inode);
    else if (file && --file->names_left == 0)
        forget_pending(file);
    inode_release(inode);
    return error;
}

static int unpack_archives(struct cpio_reader *reader, struct list_node *pending)
{
    for (;;) {
        struct cpio_entry entry;
        size_t offset = reader->offset;
        enum cpio_result result = cpio_next(reader, &entry);
        if (result == CPIO_END)
            return 0;
        if (result != CPIO_ENTRY) {
            log_error("initramfs", "initramfs.cpio is broken at byte %zu: %s", reader->offset,
                      cpio_result_text(result));
            return -EINVAL;
        }
        int error = unpack_entry(&entry, pending);
        if (error) {
            log_error("initramfs", "initramfs.cpio, entry %s at byte %zu: cannot be made, error %d",
                      entry.name, offset, -error);
            return error == -ENOMEM ? -ENOMEM : -EINVAL;
        }
    }
}

int memory_fs_unpack(const void *archive, size_t size)
{
    struct list_node pending;
    struct cpio_reader reader;
    list_init(&pending);
    cpio_open(&reader, archive, size);
    int error = unpack_archives(&reader, &pending);
    while (!list_is_empty(&pending))
        forget_pending(list_first(&pending, struct pending_file, link));
    return error;
}
