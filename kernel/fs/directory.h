// Names in directories, for the files of this folder. The namespace mutex is held throughout.
#pragma once

#include "fs/inode.h"

#define DIRECTORY_FIRST_COOKIE 2u             // 0 and 1 are "." and ".."
#define DIRECTORY_FIRST_COMPUTED (1ull << 32) // computed names follow the entries

static inline bool inode_is_directory(const struct inode *inode)
{
    return (inode->mode & S_IFMT) == S_IFDIR;
}

static inline bool inode_is_link(const struct inode *inode)
{
    return (inode->mode & S_IFMT) == S_IFLNK;
}

// NULL: no such name.
never_inlined struct directory_entry *directory_find(struct inode *directory, const char *name,
                                                     uint32_t length);
// Adds a name with a reference of its own. The name must not exist. A directory moves: its parent
// and the parent's link count follow. The inode's own link count is the caller's. -ENOMEM.
must_check int directory_insert(struct inode *directory, const char *name, uint32_t length,
                                struct inode *inode);
// Removes a name; the reference it held goes to the caller.
struct inode *directory_erase(struct inode *directory, struct directory_entry *entry);
// Makes an existing name mean another inode of the same kind (rename); the reference of the inode
// that was there goes to the caller, who calls directory_forget() on it.
struct inode *directory_replace(struct inode *directory, struct directory_entry *entry,
                                struct inode *inode);
// The inode lost a name for good: its link count falls. A directory keeps its parent alive from
// here on.
void directory_forget(struct inode *inode);
