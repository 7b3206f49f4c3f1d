// State shared by frame.c (hands out and takes back), frame_buddy.c (owns what is free) and
// frame_boot.c (builds it). Nobody else includes this.
#pragma once

#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "mem/frame.h"

// Two kinds of single free frames.
enum { KIND_DIRTY, KIND_BLANK }; // contents undefined; all zeroes

#define FRAME_POISONED 0xffffu // of a free frame, debug builds: in the place of a slab's account

#define CHAIN_LIMIT 16u // frames in a chain: what goes between a CPU and the depot at once
#define CHAIN_ORDER 4u

_Static_assert(FRAME_USE_LIMIT == FRAME_USE_COUNT, "a counter for each use");

// Chains that no CPU has, linked by their tops.
struct frame_depot {
    struct list_node chains;
    uint32_t chain_count; // read without the lock as a hint
};

struct frame_allocator {
    struct spinlock lock;
    struct frame *descriptors; // by frame number; set once at boot
    uint64_t frame_limit;      // descriptors there are; set once at boot
    uint64_t total;            // set at boot
    // guarded by the lock:
    struct list_node free_lists[FRAME_ORDER_LIMIT];
    struct frame_depot depots[FRAME_KINDS];
    uint32_t
        chain_limit; // up to CHAIN_LIMIT: less when memory is short for the CPUs; read anywhere
};

extern struct frame_allocator frame_allocator;

static inline uint64_t frame_number(const struct frame *frame)
{
    return (uint64_t)(frame - frame_allocator.descriptors);
}

static inline void chain_push(struct frame_chain *chain, struct frame *frame)
{
    frame->chain_next = chain->top;
    chain->top = frame;
    chain->count++;
}

// NULL when it is empty.
static inline struct frame *chain_pop(struct frame_chain *chain)
{
    struct frame *frame = chain->top;

    if (likely(frame != NULL)) {
        chain->top = frame->chain_next;
        chain->count--;
    }
    return frame;
}

// Adds a block to the free lists, merged with free buddies. The lock is held.
void frames_insert_free(struct frame *frame, uint32_t order);

// These take the lock. A chain to fill a CPU with; its count is 0 when there is no frame.
struct frame_chain frames_take_chain(uint32_t kind);
// The chain is the depot's now, or, when that has enough and `keep` is not set, merged.
void frames_put_chain(uint32_t kind, struct frame_chain chain, bool keep);
// A block, and a single frame of either kind; NULL when there is none.
struct frame *frames_take_block(uint32_t order);
struct frame *frames_take_single(void);
void frames_put_block(struct frame *frame, uint32_t order);
// Merges all chains of the depots, which may be what is missing to complete a block.
void frames_merge_depots(void);
