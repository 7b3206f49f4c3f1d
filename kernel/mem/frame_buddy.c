// The buddy allocator. Memory is partitioned into blocks of 2^order frames, aligned to their size;
// the descriptor of a block's first frame tells its order and use, those of the other frames are
// not looked at. So a frame's buddy, being aligned, heads a block unless both lie in a bigger one.
// Single frames lie ready in chains, not merged. Called by frame.c. All is guarded by the lock.
#include "lib/panic.h"
#include "mem/frame_internal.h"

#define DEPOT_LIMIT 8u            // chains
#define CHAINED_FRACTION_SHIFT 8u // two chains of two kinds at each CPU: 1/64 of memory at most

struct frame_allocator frame_allocator = {
    .lock = SPINLOCK_INIT("frames", LOCK_RANK_FRAMES),
    .chain_limit = CHAIN_LIMIT,
};

// The owner of a chained frame changes its use without the lock: never from or to FRAME_FREE.
static uint8_t use_of(const struct frame *frame)
{
    return __atomic_load_n(&frame->use, __ATOMIC_RELAXED);
}

static void push_free(struct frame *frame, uint32_t order)
{
    frame->order = (uint8_t)order;
    __atomic_store_n(&frame->use, (uint8_t)FRAME_FREE, __ATOMIC_RELAXED);
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
    if (use_of(buddy) != FRAME_FREE || buddy->order != order || buddy->link.next == NULL)
        return NULL;
    return buddy;
}

void frames_insert_free(struct frame *frame, uint32_t order)
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

// Takes a block of exactly `order` off the lists, splitting a bigger one when needed. It leaves
// FRAME_FREE here, under the lock.
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
    frame->order = (uint8_t)order;
    __atomic_store_n(&frame->use, (uint8_t)FRAME_CHAINED, __ATOMIC_RELAXED);
    return frame;
}

static void put_into_depot(uint32_t kind, struct frame_chain chain)
{
    struct frame_depot *depot = &frame_allocator.depots[kind];

    chain.top->order = (uint8_t)chain.count;
    list_prepend(&depot->chains, &chain.top->link);
    __atomic_store_n(&depot->chain_count, depot->chain_count + 1, __ATOMIC_RELAXED);
}

static struct frame_chain take_from_depot(uint32_t kind)
{
    struct frame_depot *depot = &frame_allocator.depots[kind];

    if (list_is_empty(&depot->chains))
        return (struct frame_chain){ 0 };
    struct frame *top = list_first(&depot->chains, struct frame, link);
    list_remove(&top->link);
    __atomic_store_n(&depot->chain_count, depot->chain_count - 1, __ATOMIC_RELAXED);
    struct frame_chain chain = { top, top->order };
    top->order = 0;
    return chain;
}

// The frames of a block, lowest first.
static struct frame_chain cut_block(struct frame *block, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        block[i].order = 0;
        __atomic_store_n(&block[i].use, (uint8_t)FRAME_CHAINED, __ATOMIC_RELAXED);
        block[i].chain_next = block + i + 1;
    }
    block[count - 1].chain_next = NULL;
    return (struct frame_chain){ block, count };
}

static uint32_t choose_chain_limit(void)
{
    uint64_t share = (frame_allocator.total >> CHAINED_FRACTION_SHIFT) / cpu_count();

    return (uint32_t)max_of(min_of(share, (uint64_t)CHAIN_LIMIT), 1ull);
}

// Cuts one block, of a chain's order or the biggest below it.
static struct frame_chain cut_chain(void)
{
    uint32_t limit = choose_chain_limit();

    __atomic_store_n(&frame_allocator.chain_limit, limit, __ATOMIC_RELAXED);
    for (uint32_t order = CHAIN_ORDER + 1; order-- > 0;) {
        struct frame *block = 1u << order > limit ? NULL : take_free(order);
        if (block != NULL)
            return cut_block(block, 1u << order);
    }
    return (struct frame_chain){ 0 };
}

static struct frame_chain take_dirty_chain(void)
{
    struct frame_chain chain = take_from_depot(KIND_DIRTY);

    if (chain.count == 0)
        chain = cut_chain();
    return chain.count == 0 ? take_from_depot(KIND_BLANK) : chain;
}

struct frame_chain frames_take_chain(uint32_t kind)
{
    if (frame_allocator.descriptors == NULL) // no memory yet
        return (struct frame_chain){ 0 };
    spinlock_acquire(&frame_allocator.lock);
    struct frame_chain chain =
        kind == KIND_DIRTY ? take_dirty_chain() : take_from_depot(KIND_BLANK);
    spinlock_release(&frame_allocator.lock);
    return chain;
}

static void merge_chain(struct frame_chain chain)
{
    struct frame *frame;

    while ((frame = chain_pop(&chain)) != NULL)
        frames_insert_free(frame, 0);
}

void frames_put_chain(uint32_t kind, struct frame_chain chain, bool keep)
{
    if (chain.count == 0)
        return;
    spinlock_acquire(&frame_allocator.lock);
    if (keep || frame_allocator.depots[kind].chain_count < DEPOT_LIMIT)
        put_into_depot(kind, chain);
    else
        merge_chain(chain);
    spinlock_release(&frame_allocator.lock);
}

struct frame *frames_take_block(uint32_t order)
{
    struct frame *frame = NULL;

    spinlock_acquire(&frame_allocator.lock);
    if (frame_allocator.descriptors != NULL)
        frame = take_free(order);
    spinlock_release(&frame_allocator.lock);
    return frame;
}

struct frame *frames_take_single(void)
{
    struct frame *frame = NULL;

    spinlock_acquire(&frame_allocator.lock);
    if (frame_allocator.descriptors != NULL) {
        struct frame_chain chain = take_dirty_chain();
        frame = chain_pop(&chain);
        if (chain.count > 0)
            put_into_depot(KIND_DIRTY, chain);
    }
    spinlock_release(&frame_allocator.lock);
    return frame;
}

void frames_put_block(struct frame *frame, uint32_t order)
{
    spinlock_acquire(&frame_allocator.lock);
    frames_insert_free(frame, order);
    spinlock_release(&frame_allocator.lock);
}

// A chain at a time, so that interrupts are not off for long.
void frames_merge_depots(void)
{
    struct frame_chain chain = { 0 };

    do {
        spinlock_acquire(&frame_allocator.lock);
        for (uint32_t kind = 0; kind < FRAME_KINDS; kind++) {
            chain = frame_allocator.descriptors ? take_from_depot(kind) : chain;
            merge_chain(chain);
            if (chain.count > 0)
                break;
        }
        spinlock_release(&frame_allocator.lock);
    } while (chain.count > 0);
}
