// Path lookup and the operations on names, in the one tree that the memory file system is. Paths
// are kernel strings (already copied); `start` is the directory that relative paths begin at.
// Symbolic links are followed, 40 at the most (-ELOOP). Everything takes the namespace mutex
// inside.
#pragma once

#include "fs/file.h"

#define LOOKUP_NO_FOLLOW 1u // of the last component
#define LOOKUP_DIRECTORY 2u // -ENOTDIR unless the result is a directory

// The inode with a reference for the caller, in *result.
must_check int path_lookup(struct inode *start, const char *path, uint32_t flags,
                           struct inode **result);
// The same, and the absolute path of what was found, on the heap; NULL when it has none that the
// walk knows, or no memory.
must_check int path_lookup_named(struct inode *start, const char *path, uint32_t flags,
                                 struct inode **result, char **name);
// Modes come with the umask already taken off.
// open(2): O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, access and ETXTBSY checks.
must_check int path_open(struct inode *start, const char *path, uint32_t flags, uint32_t mode,
                         struct file **result);
must_check int path_make_directory(struct inode *start, const char *path, uint32_t mode);
// Makes a regular file, device or fifo node; `operations` for a device, else NULL.
must_check int path_make_node(struct inode *start, const char *path, uint32_t mode,
                              uint64_t rdevice, const struct file_operations *operations,
                              void *data);
must_check int path_symlink(struct inode *start, const char *path, const char *target);
// A symbolic link that `operations` compute.
must_check int path_computed_link(struct inode *start, const char *path,
                                  const struct link_operations *operations);
// `flags`: LOOKUP_NO_FOLLOW for the last component of old_path (what link(2) wants), or 0.
must_check int path_link(struct inode *old_start, const char *old_path, struct inode *new_start,
                         const char *new_path, uint32_t flags);
// Gives an inode that the caller refers to another name.
must_check int path_link_inode(struct inode *inode, struct inode *start, const char *path);
must_check int path_unlink(struct inode *start, const char *path, bool directory);
#define RENAME_NOREPLACE 1u
must_check int path_rename(struct inode *old_start, const char *old_path, struct inode *new_start,
                           const char *new_path, uint32_t flags);
// The target's length; copies at most `size` bytes, no terminator.
must_check int64_t path_read_link(struct inode *start, const char *path, char *buffer, size_t size);
// The absolute path that a file was found by, on the heap, where its directory is now; of a removed
// one, where that was. NULL: none is known, PATH_LIMIT or longer, or no memory.
must_check char *path_of_file(const struct file *file);
must_check char *path_of_file_locked(const struct file *file); // the namespace mutex is held
// The absolute path of a directory, for getcwd and /proc: its length with terminator, -ERANGE,
// -ENAMETOOLONG when it has PATH_LIMIT or more, -ENOENT when it was removed.
must_check int64_t path_of_directory(struct inode *directory, char *buffer, size_t size);
// The same for one that is a directory, with the namespace mutex held: for link_operations.
must_check int64_t path_of_directory_locked(struct inode *directory, char *buffer, size_t size);
