// Maps a 64-bit page index to a frame: a radix tree of 64-way nodes. Holds one reference of each
// frame in it. The caller's lock guards it, but for looking.
#pragma once

#include <stdatomic.h>

#include "lib/types.h"
#include "mem/frame.h"

struct page_tree {
    _Atomic(void *) root;
    uint32_t height; // levels; 0 is empty
    uint64_t page_count;
};

// NULL when absent. No reference is taken. May run beside a put, and sees the page then or not; the
// caller keeps removals away.
struct frame *page_tree_get(const struct page_tree *tree, uint64_t index);
// Takes over the caller's reference. -ENOMEM; the slot must be empty.
must_check int page_tree_put(struct page_tree *tree, uint64_t index, struct frame *frame);
// Releases every frame at index `first` or above, and nodes that become empty.
void page_tree_truncate(struct page_tree *tree, uint64_t first);
// The same in steps, last page first, for callers that let go of their lock in between: releases at
// most `limit` frames and returns true once no page at `first` or above is left.
must_check bool page_tree_truncate_step(struct page_tree *tree, uint64_t first, uint32_t limit);
