// The buddy allocator. Memory is partitioned into blocks of 2^order frames, aligned to their size;
// the descriptor of a block's first frame tells its order and use, those of the other frames are
// not looked at. So a frame's buddy, being aligned, heads a block unless both lie in a bigger one.
// A few single frames lie ready on shelves instead, not merged. Contents (zeroing, poison) are
// written outside the lock. frame_boot.c builds all this at boot.
#include "mem/frame.h"

#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame_internal.h"

#define FRAME_POISON 0x5a // visible in a dump, and not canonical as a pointer
#define SHELF_LIMIT 128u
#define SHELF_ORDER FRAME_ORDER_LIMIT // no block's
#define REFILL_ORDER 4u

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

never_inlined static void insert_block(struct frame *frame, uint32_t order)
{
    uint64_t number = frame_number(frame);

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

void frames_insert_free(struct frame *frame, uint32_t order)
{
    frame_allocator.free_count += 1ull << order;
    insert_block(frame, order);
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

// The order keeps it from being merged: no block that is looked for has it.
static inline void put_on_shelf(struct frame_shelf *shelf, struct frame *frame)
{
    frame->order = SHELF_ORDER;
    frame->use = FRAME_FREE;
    frame->shelf_next = shelf->top;
    shelf->top = frame;
    shelf->count++;
}

// NULL when it is empty.
static inline struct frame *take_from_shelf(struct frame_shelf *shelf)
{
    struct frame *frame = shelf->top;

    if (frame != NULL) {
        shelf->top = frame->shelf_next;
        shelf->count--;
    }
    return frame;
}

// The frames of a block, lowest first, onto the shelf of single frames, which is empty.
static void cut_block(struct frame *block, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        block[i].order = SHELF_ORDER;
        block[i].use = FRAME_FREE;
        block[i].shelf_next = block + i + 1;
    }
    block[count - 1].shelf_next = NULL;
    frame_allocator.singles = (struct frame_shelf){ block, count };
}

// Cuts one block, of the refill order or the biggest below it, into single frames.
static void refill_singles(void)
{
    for (uint32_t order = REFILL_ORDER + 1; order-- > 0;) {
        struct frame *block = take_free(order);
        if (block == NULL)
            continue;
        cut_block(block, 1u << order);
        return;
    }
}

// For when no single frame lies ready.
never_inlined static struct frame *find_single(void)
{
    if (frame_allocator.descriptors == NULL) // no memory yet
        return NULL;
    refill_singles();
    struct frame *frame = take_from_shelf(&frame_allocator.singles);
    return frame != NULL ? frame : take_from_shelf(&frame_allocator.blank);
}

static void clear_shelf(struct frame_shelf *shelf)
{
    struct frame *frame;

    while ((frame = take_from_shelf(shelf)) != NULL)
        insert_block(frame, 0);
}

// When no block is large enough, frames on the shelves may be what is missing to complete one.
static struct frame *take_block(uint32_t order)
{
    struct frame *frame = take_free(order);

    if (frame != NULL)
        return frame;
    clear_shelf(&frame_allocator.singles);
    clear_shelf(&frame_allocator.blank);
    return take_free(order);
}

static inline void hand_out(struct frame *frame, uint32_t order, enum frame_use use)
{
    // A free block that someone still refers to would be handed to two owners.
    kassert(atomic_load_explicit(&frame->references, memory_order_relaxed) == 0);
    frame->order = (uint8_t)order;
    frame->use = (uint8_t)use;
    frame_allocator.free_count -= 1ull << order;
    frame_allocator.used[use] += 1ull << order;
    atomic_store_explicit(&frame->references, 1, memory_order_relaxed);
}

struct frame *frame_allocate(enum frame_use use)
{
    kassert(use > FRAME_RESERVED && use < FRAME_USE_COUNT);
    spinlock_acquire(&frame_allocator.lock);
    struct frame *frame = take_from_shelf(&frame_allocator.singles);
    if (unlikely(frame == NULL))
        frame = find_single();
    if (frame != NULL)
        hand_out(frame, 0, use);
    spinlock_release(&frame_allocator.lock);
    return frame;
}

static struct frame *allocate_block(uint32_t order, enum frame_use use)
{
    struct frame *frame = NULL;

    kassert(order < FRAME_ORDER_LIMIT && use > FRAME_RESERVED && use < FRAME_USE_COUNT);
    spinlock_acquire(&frame_allocator.lock);
    if (frame_allocator.descriptors != NULL)
        frame = take_block(order);
    if (frame != NULL)
        hand_out(frame, order, use);
    spinlock_release(&frame_allocator.lock);
    return frame;
}

struct frame *frames_allocate(uint32_t order, enum frame_use use)
{
    return order == 0 ? frame_allocate(use) : allocate_block(order, use);
}

struct frame *frame_allocate_zeroed(enum frame_use use)
{
    struct frame *frame = frame_allocate(use);

    // What an earlier owner left there must not be seen by the next one.
    if (PROTECT_ZERO && frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

static bool frame_is_blank(const struct frame *frame)
{
    const uint64_t *words = frame_pointer(frame);
    uint64_t bits = 0;

    for (uint32_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
        bits |= words[i];
    return bits == 0;
}

struct frame *frame_allocate_blank(enum frame_use use)
{
    spinlock_acquire(&frame_allocator.lock);
    struct frame *frame = take_from_shelf(&frame_allocator.blank);
    if (frame != NULL)
        hand_out(frame, 0, use);
    spinlock_release(&frame_allocator.lock);
    if (frame != NULL) {
        kassert(!DEBUG_CHECKS || frame_is_blank(frame));
        return frame;
    }
    frame = frame_allocate(use);
    if (frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

// Drops a reference. True: it was the last one, and the block is the caller's to free.
static bool drop_reference(struct frame *frame)
{
    // Release: this owner's writes come before the reuse; acquire: so do those of all others.
    uint32_t before = atomic_fetch_sub_explicit(&frame->references, 1, memory_order_acq_rel);

    if (unlikely(before == 0))
        panic("frame 0x%llx released without a reference", (unsigned long long)frame_number(frame));
    if (before != 1)
        return false;
    if (unlikely(frame->use <= FRAME_RESERVED || frame->use >= FRAME_USE_COUNT))
        panic("frame 0x%llx is not the allocator's to free (use %u)",
              (unsigned long long)frame_number(frame), frame->use);
    return true;
}

static void poison_block(struct frame *frame)
{
    if (DEBUG_CHECKS)
        memset(frame_pointer(frame), FRAME_POISON, PAGE_SIZE << frame->order);
}

// The lock is held. `shelf` is where a single frame goes while there is room.
static void free_block(struct frame *frame, struct frame_shelf *shelf)
{
    uint32_t order = frame->order;

    frame_allocator.used[frame->use] -= 1ull << order;
    frame_allocator.free_count += 1ull << order;
    if (order == 0 && shelf->count < SHELF_LIMIT)
        put_on_shelf(shelf, frame);
    else
        insert_block(frame, order);
}

void frame_release(struct frame *frame)
{
    if (!drop_reference(frame))
        return;
    poison_block(frame);
    spinlock_acquire(&frame_allocator.lock);
    free_block(frame, &frame_allocator.singles);
    spinlock_release(&frame_allocator.lock);
}

void frames_release(struct frame *const frames[], uint32_t count)
{
    struct frame *last_owned[FRAME_BATCH_LIMIT];
    uint32_t last_count = 0;

    kassert(count <= FRAME_BATCH_LIMIT);
    for (uint32_t i = 0; i < count; i++) {
        if (!drop_reference(frames[i]))
            continue;
        poison_block(frames[i]);
        last_owned[last_count++] = frames[i];
    }
    if (last_count == 0)
        return;
    spinlock_acquire(&frame_allocator.lock);
    for (uint32_t i = 0; i < last_count; i++)
        free_block(last_owned[i], &frame_allocator.singles);
    spinlock_release(&frame_allocator.lock);
}

void frame_release_blank(struct frame *frame)
{
    bool last = drop_reference(frame);

    kassert(last && frame->order == 0);
    kassert(!DEBUG_CHECKS || frame_is_blank(frame));
    spinlock_acquire(&frame_allocator.lock);
    free_block(frame, &frame_allocator.blank);
    spinlock_release(&frame_allocator.lock);
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
