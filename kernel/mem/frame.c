// The buddy allocator. Memory is partitioned into blocks of 2^order frames, aligned to their size;
// the descriptor of a block's first frame tells its order and use, those of the other frames are
// not looked at. So a frame's buddy, being aligned, heads a block unless both lie in a bigger one.
// Contents (zeroing, poison) are written outside the lock. frame_boot.c builds all this at boot.
#include "mem/frame.h"

#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame_internal.h"

#define FRAME_POISON 0x5a // visible in a dump, and not canonical as a pointer

struct frame_allocator frame_allocator = {
    .lock = SPINLOCK_INIT("frames", LOCK_RANK_FRAMES),
};

static uint64_t frame_number(const struct frame *frame)
{
    return (uint64_t)(frame - frame_allocator.descriptors);
}

phys_addr frame_address(const struct frame *frame)
{
    return phys_make(frame_number(frame) << PAGE_SHIFT);
}

void *frame_pointer(const struct frame *frame)
{
    return direct_map_pointer(frame_address(frame));
}

struct frame *frame_at(phys_addr address)
{
    uint64_t number = address.value >> PAGE_SHIFT;

    if (number >= frame_allocator.frame_limit)
        return NULL;
    struct frame *frame = &frame_allocator.descriptors[number];
    return frame->use == FRAME_RESERVED ? NULL : frame;
}

struct frame *frame_of_pointer(const void *pointer)
{
    uint64_t number = ((uint64_t)pointer - DIRECT_MAP_BASE) >> PAGE_SHIFT;

    kassert(number < frame_allocator.frame_limit);
    return &frame_allocator.descriptors[number];
}

static void push_free(struct frame *frame, uint32_t order)
{
    frame->order = (uint8_t)order;
    frame->use = FRAME_FREE;
    list_prepend(&frame_allocator.free_lists[order], &frame->link);
}

// The block's buddy when it is free as a whole; NULL otherwise. A descriptor that is still zero, as
// frame_boot.c makes them, was never on a list.
static struct frame *find_free_buddy(uint64_t number, uint32_t order)
{
    uint64_t buddy_number = number ^ (1ull << order);

    if (buddy_number >= frame_allocator.frame_limit)
        return NULL;
    struct frame *buddy = &frame_allocator.descriptors[buddy_number];
    bool is_free = buddy->use == FRAME_FREE && buddy->order == order && buddy->link.next != NULL;
    return is_free ? buddy : NULL;
}

void frames_insert_free(struct frame *frame, uint32_t order)
{
    uint64_t number = frame_number(frame);

    frame_allocator.free_count += 1ull << order;
    while (order + 1 < FRAME_ORDER_LIMIT) {
        struct frame *buddy = find_free_buddy(number, order);
        if (buddy == NULL)
            break;
        list_remove(&buddy->link);
        number &= ~(1ull << order);
        order++;
    }
    push_free(&frame_allocator.descriptors[number], order);
}

// Takes a block of exactly `order` off the lists, splitting a bigger one when needed.
static struct frame *take_free(uint32_t order)
{
    uint32_t found = order;

    while (found < FRAME_ORDER_LIMIT && list_is_empty(&frame_allocator.free_lists[found]))
        found++;
    if (found == FRAME_ORDER_LIMIT)
        return NULL;
    struct frame *frame = list_first(&frame_allocator.free_lists[found], struct frame, link);
    list_remove(&frame->link);
    while (found > order) {
        found--;
        push_free(frame + (1ull << found), found);
    }
    return frame;
}

struct frame *frames_allocate(uint32_t order, enum frame_use use)
{
    kassert(order < FRAME_ORDER_LIMIT && use > FRAME_RESERVED && use < FRAME_USE_COUNT);
    spinlock_acquire(&frame_allocator.lock);
    struct frame *frame = frame_allocator.descriptors == NULL ? NULL : take_free(order);
    if (frame != NULL) {
        // A free block that someone still refers to would be handed to two owners.
        kassert(atomic_load_explicit(&frame->references, memory_order_relaxed) == 0);
        frame->order = (uint8_t)order;
        frame->use = (uint8_t)use;
        frame_allocator.free_count -= 1ull << order;
        frame_allocator.used[use] += 1ull << order;
        atomic_store_explicit(&frame->references, 1, memory_order_relaxed);
    }
    spinlock_release(&frame_allocator.lock);
    return frame;
}

struct frame *frame_allocate_zeroed(enum frame_use use)
{
    struct frame *frame = frames_allocate(0, use);

    // What an earlier owner left there must not be seen by the next one.
    if (PROTECT_ZERO && frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

static void free_block(struct frame *frame)
{
    uint32_t order = frame->order;

    if (frame->use <= FRAME_RESERVED || frame->use >= FRAME_USE_COUNT)
        panic("frame 0x%llx is not the allocator's to free (use %u)",
              (unsigned long long)frame_number(frame), frame->use);
    if (DEBUG_CHECKS)
        memset(frame_pointer(frame), FRAME_POISON, PAGE_SIZE << order);
    spinlock_acquire(&frame_allocator.lock);
    frame_allocator.used[frame->use] -= 1ull << order;
    frames_insert_free(frame, order);
    spinlock_release(&frame_allocator.lock);
}

void frame_release(struct frame *frame)
{
    // Release: this owner's writes come before the reuse; acquire: so do those of all others.
    uint32_t before = atomic_fetch_sub_explicit(&frame->references, 1, memory_order_acq_rel);

    if (before == 0)
        panic("frame 0x%llx released without a reference", (unsigned long long)frame_number(frame));
    if (before == 1)
        free_block(frame);
}

uint64_t frames_in_use(void)
{
    return frame_allocator.total - frame_allocator.free_count;
}

void frames_count(struct frame_counts *counts)
{
    spinlock_acquire(&frame_allocator.lock);
    counts->total = frame_allocator.total;
    counts->free = frame_allocator.free_count;
    memcpy(counts->used, frame_allocator.used, sizeof(counts->used));
    counts->descriptors =
        align_up(frame_allocator.frame_limit * sizeof(struct frame), PAGE_SIZE) >> PAGE_SHIFT;
    spinlock_release(&frame_allocator.lock);
}
