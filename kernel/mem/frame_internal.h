// State shared by frame.c (runs the allocator) and frame_boot.c (builds it). Nobody else includes
// this.
#pragma once

#include "cpu/spinlock.h"
#include "mem/frame.h"

// Single free frames outside the buddy lists, ready to be handed out: a stack, linked by
// `shelf_next`.
struct frame_shelf {
    struct frame *top;
    uint32_t count;
};

struct frame_allocator {
    struct spinlock lock;
    struct frame *descriptors; // by frame number; set once at boot
    uint64_t frame_limit;      // descriptors there are; set once at boot
    // guarded by the lock:
    struct list_node free_lists[FRAME_ORDER_LIMIT];
    struct frame_shelf singles; // contents undefined
    struct frame_shelf blank;   // all zeroes
    uint64_t total;
    uint64_t free_count; // in the lists and on the shelves
    uint64_t used[FRAME_USE_COUNT];
};

extern struct frame_allocator frame_allocator;

// Adds a block to the free lists, merged with free buddies. The lock is held.
void frames_insert_free(struct frame *frame, uint32_t order);
