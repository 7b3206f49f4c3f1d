// Page frames: a descriptor for every frame of RAM, the buddy allocator that owns the free ones,
// and at each CPU single ones that lie ready. Invariant: a frame is free (in exactly one free list
// or chain) or has a reference count of at least one. Out of memory is NULL. Nothing here sleeps;
// short of memory, with interrupts on, it waits until all CPUs have given back what lies ready
// there. Lock: LOCK_RANK_FRAMES, taken inside.
#pragma once

#include <stdatomic.h>

#include "boot_info.h"
#include "lib/list.h"
#include "lib/types.h"

#define FRAME_ORDER_LIMIT 11u // orders 0 .. 10: 4 KiB to 4 MiB

// What a frame in use is for; live counts are kept per use.
enum frame_use {
    FRAME_FREE,
    FRAME_RESERVED, // not the allocator's: firmware, kernel image, descriptors
    FRAME_KERNEL,   // buffers of the kernel
    FRAME_PAGE_TABLE,
    FRAME_STACK,     // kernel stacks
    FRAME_CACHE,     // slabs of object caches
    FRAME_ANONYMOUS, // memory of programs
    FRAME_FILE,      // contents of files
    FRAME_PIPE,
    FRAME_USE_COUNT,
    FRAME_CHAINED = FRAME_USE_COUNT, // free, in a chain: no block for its buddy to merge with
};

struct frame {
    atomic_uint references;
    uint8_t order;         // of the block this frame heads; at the top of a chain: its length
    uint8_t use;           // enum frame_use
    uint16_t slab;         // FRAME_CACHE: whose, and how full (object_internal.h)
    struct list_node link; // free list, slab list, or the owner's
    union {
        void *slab_free;          // FRAME_CACHE: first free object
        uint64_t *table_entry;    // FRAME_PAGE_TABLE: the entry that leads to it
        atomic_ulong table_count; // of a root: the tables that it has in the user half
        struct frame *chain_next; // FRAME_CHAINED
    };
};

_Static_assert(sizeof(struct frame) == 32, "a frame descriptor is 32 bytes");

// Builds descriptors for all usable RAM and frees what the map calls usable, the first MiB kept
// back. Panics when free and reserved memory overlap. Logs the totals.
void frames_init(const struct boot_info *boot);
// Hands a region that was reserved at boot (initramfs, loader) to the allocator.
void frames_give(uint64_t base, uint64_t page_count);

// A block of 2^order frames with one reference; contents undefined. NULL when there is none.
must_check struct frame *frames_allocate(uint32_t order, enum frame_use use);
must_check struct frame *frame_allocate(enum frame_use use); // a single one
// One frame, zeroed.
must_check struct frame *frame_allocate_zeroed(enum frame_use use);
static inline void frame_reference(struct frame *frame)
{
    atomic_fetch_add_explicit(&frame->references, 1, memory_order_relaxed);
}
// Drops a reference; the last one frees the whole block.
void frame_release(struct frame *frame);
// The same for several frames, each heading its block; at most FRAME_BATCH_LIMIT.
#define FRAME_BATCH_LIMIT 32u
void frames_release(struct frame *const frames[], uint32_t count);

// One frame that is all zeroes, in every build; for those who leave theirs all zeroes again and
// give it back by the second, with its only reference. Nobody then clears what is clean.
must_check struct frame *frame_allocate_blank(enum frame_use use);
void frame_release_blank(struct frame *frame);

phys_addr frame_address(const struct frame *frame);
void *frame_pointer(const struct frame *frame); // in the direct map
// The descriptor of a physical address; NULL when it is not RAM of the allocator.
struct frame *frame_at(phys_addr address);
struct frame *frame_of_pointer(const void *pointer); // inverse of frame_pointer()

static inline void *direct_map_pointer(phys_addr address)
{
    return (void *)(DIRECT_MAP_BASE + address.value);
}

struct frame_counts {
    uint64_t total; // frames the allocator owns
    uint64_t free;
    uint64_t used[FRAME_USE_COUNT];
    uint64_t descriptors; // frames that hold the descriptors; not of the total
};
// Exact while nobody takes or gives back frames; otherwise each number is of about now.
void frames_count(struct frame_counts *counts);
// total - free, likewise. Any context.
uint64_t frames_in_use(void);
