// Directories: their entries, and reading them. Called by the path operations. Invariant: an entry
// is in its directory's tree (by name) and in its list (by cookie), and cookies only grow, so that
// a reader's position stays good whatever is removed around it.
#include "fs/directory.h"

#include "abi/errno.h"
#include "fs/file.h"
#include "fs/inode_pages.h"
#include "fs/path_walk.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define PREFIX_SIZE sizeof(uint64_t)

struct name_key {
    uint64_t prefix;
    const char *text;
    uint32_t length;
};

static struct directory_entry *entry_of_node(struct rb_node *node)
{
    return rb_entry(node, struct directory_entry, node);
}

// The first eight bytes, or as many as there are; pieces of a short name overlap.
static inline uint64_t load_prefix(const char *name, uint32_t length)
{
    const uint8_t *bytes = (const uint8_t *)name;
    uint64_t prefix;
    uint32_t first, last;
    if (length >= PREFIX_SIZE) {
        __builtin_memcpy(&prefix, name, sizeof(prefix));
        return prefix;
    }
    if (length >= sizeof(first)) {
        uint32_t behind = length - sizeof(last);
        __builtin_memcpy(&first, name, sizeof(first));
        __builtin_memcpy(&last, name + behind, sizeof(last));
        return first | (uint64_t)last << (8 * behind);
    }
    if (length == 0)
        return 0;
    uint32_t middle = length / 2, end = length - 1;
    return bytes[0] | (uint64_t)bytes[middle] << (8 * middle) | (uint64_t)bytes[end] << (8 * end);
}

static inline struct name_key make_key(const char *name, uint32_t length)
{
    return (struct name_key){ load_prefix(name, length), name, length };
}

// Any order serves, since listings go by cookie. No name has a zero byte, so that names which fit
// into their prefix are equal when the prefixes are.
static int compare_names(const void *key, const struct rb_node *node)
{
    const struct name_key *name = key;
    const struct directory_entry *entry = rb_entry(node, const struct directory_entry, node);
    if (name->prefix != entry->prefix)
        return name->prefix < entry->prefix ? -1 : 1;
    if (name->length != entry->name_length)
        return name->length < entry->name_length ? -1 : 1;
    if (name->length <= PREFIX_SIZE)
        return 0;
    return memcmp(name->text + PREFIX_SIZE, entry->name + PREFIX_SIZE, name->length - PREFIX_SIZE);
}

static void stamp_change(struct inode *directory)
{
    struct abi_timespec now = inode_now();
    spinlock_acquire(&directory->lock);
    directory->modified = directory->changed = now;
    spinlock_release(&directory->lock);
}

// Goes on at a node whose prefix is the name's, but which says more than that.
never_inlined static struct directory_entry *find_below(struct rb_node *node, const char *name,
                                                        uint32_t length)
{
    struct name_key key = make_key(name, length);
    int order;
    while (node && (order = compare_names(&key, node)) != 0)
        node = order < 0 ? node->left : node->right;
    return node ? entry_of_node(node) : NULL;
}

struct directory_entry *directory_find(struct inode *directory, const char *name, uint32_t length)
{
    uint64_t prefix = load_prefix(name, length);
    struct rb_node *node = directory->entries.root;
    while (node) {
        struct directory_entry *entry = entry_of_node(node);
        if (prefix == entry->prefix) {
            if (length <= PREFIX_SIZE && length == entry->name_length)
                return entry;
            return find_below(node, name, length);
        }
        node = prefix < entry->prefix ? node->left : node->right;
    }
    return NULL;
}

static void adopt_directory(struct inode *directory, struct directory_entry *entry,
                            struct inode *inode)
{
    if (!inode_is_directory(inode))
        return;
    inode->parent = directory;
    inode->own_entry = entry;
    directory->link_count++;
}

int directory_insert(struct inode *directory, const char *name, uint32_t length,
                     struct inode *inode)
{
    struct directory_entry *entry = memory_allocate(sizeof(*entry) + length + 1);
    if (!entry)
        return -ENOMEM;
    struct name_key key = make_key(name, length);
    memcpy(entry->name, name, length);
    entry->name_length = length;
    entry->prefix = key.prefix;
    if (!rb_insert(&directory->entries, &entry->node, &key, compare_names)) {
        memory_release(entry);
        return -EEXIST;
    }
    entry->cookie = directory->next_cookie++;
    list_append(&directory->entry_order, &entry->order_link);
    inode_reference(inode);
    entry->inode = inode;
    adopt_directory(directory, entry, inode);
    stamp_change(directory);
    return 0;
}

struct inode *directory_erase(struct inode *directory, struct directory_entry *entry)
{
    struct inode *inode = entry->inode;
    rb_remove(&directory->entries, &entry->node);
    list_remove(&entry->order_link);
    if (inode_is_directory(inode))
        directory->link_count--;
    if (inode->own_entry != entry) // else the directory keeps it, so that it can still be named
        memory_release(entry);
    stamp_change(directory);
    return inode;
}

struct inode *directory_replace(struct inode *directory, struct directory_entry *entry,
                                struct inode *inode)
{
    struct inode *replaced = entry->inode;
    if (inode_is_directory(replaced)) {
        directory->link_count--;
        replaced->own_entry = NULL;
    }
    inode_reference(inode);
    entry->inode = inode;
    adopt_directory(directory, entry, inode);
    stamp_change(directory);
    return replaced;
}

void directory_forget(struct inode *inode)
{
    struct abi_timespec now = inode_now();
    if (inode_is_directory(inode)) {
        inode->link_count = 0;
        inode_reference(inode->parent);
    } else {
        inode->link_count--;
    }
    spinlock_acquire(&inode->lock);
    inode->changed = now;
    spinlock_release(&inode->lock);
}

// A getdents64 buffer being filled.
struct record_writer {
    char *buffer;
    size_t size, used;
};

// False when the record does not fit.
static bool append_record(struct record_writer *writer, uint64_t number, uint32_t mode,
                          uint64_t next_position, const char *name, size_t length)
{
    size_t record_size = align_up(offsetof(struct abi_dirent64, name) + length + 1, 8);
    if (writer->size - writer->used < record_size)
        return false;
    struct abi_dirent64 *record = (void *)(writer->buffer + writer->used);
    memset(record, 0, record_size);
    record->ino = number;
    record->off = (int64_t)next_position;
    record->reclen = (uint16_t)record_size;
    record->type = (uint8_t)((mode & S_IFMT) >> 12);
    memcpy(record->name, name, length);
    writer->used += record_size;
    return true;
}

// False when the buffer is full before "..". A removed directory has no entries at all.
static bool append_dots(struct record_writer *writer, struct inode *directory, uint64_t *position)
{
    if (*position == 0) {
        if (!append_record(writer, directory->number, directory->mode, 1, ".", 1))
            return false;
        *position = 1;
    }
    if (*position == 1) {
        const struct inode *parent = directory->parent;
        if (!append_record(writer, parent->number, parent->mode, DIRECTORY_FIRST_COOKIE, "..", 2))
            return false;
        *position = DIRECTORY_FIRST_COOKIE;
    }
    return true;
}

// False when the buffer is full before the last entry.
static bool append_entries(struct record_writer *writer, struct inode *directory,
                           uint64_t *position)
{
    list_for_each (node, &directory->entry_order) {
        struct directory_entry *entry = list_entry(node, struct directory_entry, order_link);
        preempt_point();
        if (entry->cookie < *position)
            continue;
        const struct inode *inode = entry->inode;
        if (!append_record(writer, inode->number, inode->mode, entry->cookie + 1, entry->name,
                           entry->name_length))
            return false;
        *position = entry->cookie + 1;
    }
    return true;
}

// 1 after the last name, 0 when the buffer is full before, -errno.
static int append_computed(struct record_writer *writer, struct inode *directory,
                           uint64_t *position)
{
    const struct name_operations *operations = directory->name_operations;
    if (!operations || !operations->next)
        return 1;
    uint64_t at = max_of(*position, DIRECTORY_FIRST_COMPUTED) - DIRECTORY_FIRST_COMPUTED;
    for (;;) {
        struct computed_name name;
        preempt_point();
        int found = operations->next(directory, &at, &name);
        if (found <= 0)
            return found < 0 ? found : 1;
        uint64_t next = DIRECTORY_FIRST_COMPUTED + at + 1;
        if (!append_record(writer, name.number, name.mode, next, name.text, strlen(name.text)))
            return 0;
        *position = next;
        at++;
    }
}

// 1 after the last entry, 0 when the buffer is full before, -errno.
static int append_all(struct record_writer *writer, struct inode *directory, uint64_t *position)
{
    if (directory->link_count == 0)
        return 1;
    if (!append_dots(writer, directory, position) || !append_entries(writer, directory, position))
        return 0;
    return append_computed(writer, directory, position);
}

static int64_t read_directory(struct file *file, void *buffer, size_t size, uint64_t *position)
{
    struct record_writer writer = { .buffer = buffer, .size = size };
    struct inode *directory = file->inode;
    shared_mutex_acquire_shared(&namespace_mutex);
    int complete = append_all(&writer, directory, position);
    namespace_release_shared();
    inode_mark_accessed(directory);
    if (complete < 0)
        return complete;
    return complete || writer.used > 0 ? (int64_t)writer.used : -EINVAL;
}

static int64_t refuse_transfer(struct file *file, struct user_iterator *target, uint64_t *position)
{
    return -EISDIR;
}

// Positions are cookies: any value is a valid place to resume at.
static int64_t seek_directory(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_CUR && __builtin_add_overflow(offset, (int64_t)file->position, &offset))
        return -EINVAL;
    if ((whence != SEEK_SET && whence != SEEK_CUR) || offset < 0)
        return -EINVAL;
    file->position = (uint64_t)offset;
    return offset;
}

const struct file_operations directory_operations = {
    .read = refuse_transfer,
    .seek = seek_directory,
    .read_directory = read_directory,
};
