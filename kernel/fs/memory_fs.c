// The one file system: a tree of inodes in memory. Owns the root; boot unpacks archives into it,
// shutdown takes it down. Invariant: from memory_fs_init() to memory_fs_destroy() there is a root.
#include "fs/memory_fs.h"

#include "fs/directory.h"
#include "fs/path_walk.h"
#include "lib/panic.h"
#include "sched/scheduler.h"

static struct inode *root_inode;

void memory_fs_init(void)
{
    shared_mutex_init(&namespace_mutex, "namespace", MUTEX_RANK_NAMESPACE);
    root_inode = inode_create(S_IFDIR | 0755);
    if (!root_inode)
        panic("no memory for the root directory");
    root_inode->size = PAGE_SIZE;
    root_inode->link_count = 2;
    root_inode->parent = root_inode;
}

struct inode *memory_fs_root(void)
{
    return root_inode;
}

// Removes leaves until only the root is left: descends into the first entry while that is a
// directory, comes up through `parent`. No recursion, however deep the tree is.
static void empty_tree(struct inode *root)
{
    struct inode *directory = root;
    while (directory != root || !list_is_empty(&root->entry_order)) {
        preempt_point();
        struct directory_entry *entry;
        struct inode *parent = directory;
        if (list_is_empty(&directory->entry_order)) {
            entry = directory->own_entry;
            parent = directory->parent;
            directory = parent;
        } else {
            entry = list_first(&directory->entry_order, struct directory_entry, order_link);
            if (inode_is_directory(entry->inode)) {
                directory = entry->inode;
                continue;
            }
        }
        struct inode *removed = directory_erase(parent, entry);
        directory_forget(removed);
        inode_release(removed);
    }
}

void memory_fs_destroy(void)
{
    shared_mutex_acquire(&namespace_mutex);
    struct inode *root = root_inode;
    empty_tree(root);
    root_inode = NULL;
    root->parent = NULL;
    root->link_count = 0;
    namespace_release();
    inode_release(root);
}
