// The contents of regular files, page by page; for the files of this folder. `inode->lock` is taken
// inside. The size changes only under write_mutex, so its holder may read it without the lock.
#pragma once

#include "fs/inode.h"

extern const struct memory_object_operations inode_object_operations;

// How many bytes of the file lie at `offset` within one page; 0 at and past the end. *frame is that
// page with a reference, or NULL for a hole.
size_t inode_find_page(struct inode *inode, uint64_t offset, struct frame **frame);
// The page to write to, with a reference; made when missing, also past the end. write_mutex held.
// NULL: -ENOSPC when only the reserve is left, or -ENOMEM.
must_check struct frame *inode_make_page(struct inode *inode, uint64_t index, int *error);
// Bytes up to `end` have been written: grows the size, stamps the times. write_mutex held.
void inode_mark_written(struct inode *inode, uint64_t end);
// The size is about to grow from what it is to `offset` at least without those bytes being written:
// they must read as zero, whatever a shared mapping left behind the end. write_mutex held.
void inode_clear_gap(struct inode *inode, uint64_t offset);
// A copy into `frame`, the page at `index`, went bad: takes back what it left behind the end of the
// file. write_mutex held.
void inode_discard_unwritten(struct inode *inode, struct frame *frame, uint64_t index);
// Releases pages from index `first` on. The size must already exclude them. May sleep.
void inode_drop_pages(struct inode *inode, uint64_t first);
// A program has read: stamps the access time when it is not newer than the last change.
void inode_mark_accessed(struct inode *inode);
