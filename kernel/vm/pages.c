// Page table entries of programs in bulk: building, walking, dropping, changing rights. Called by
// map, remap, fork and release under the space's mutex. Order kept everywhere: entry cleared, TLB
// flushed, frame released; otherwise a program could reach a frame that is already somebody else's.
#include "vm/pages.h"

#include "abi/errno.h"
#include "lib/panic.h"
#include "sched/scheduler.h"
#include "vm/tlb.h"

// What looking through so many entries of a page table, or past one hole between tables, costs:
// about as much as handling one page. Keeps the stretch between two preemption points short.
#define ENTRIES_PER_BUDGET 32

#define REGIONS_PER_PREEMPT_POINT 8u

uint64_t pages_entry_value(phys_addr frame, uint32_t protection, bool writable)
{
    if (protection == 0)
        return frame.value | PTE_PARKED;
    uint64_t value = frame.value | PTE_PRESENT | PTE_USER;
    if (writable && (protection & PROTECTION_WRITE))
        value |= PTE_WRITE;
    if (pages_no_execute_works() && !(protection & PROTECTION_EXECUTE))
        value |= PTE_NO_EXECUTE;
    return value;
}

struct frame *pages_entry_frame(uint64_t value)
{
    struct frame *frame = frame_at(pte_address(value));
    kassert(frame);
    return frame;
}

void page_walk_begin(struct page_walk *walk, const struct address_space *space, uint64_t start,
                     uint64_t end)
{
    *walk = (struct page_walk){
        .root = space->translation.root, .next = start, .end = end, .budget = PAGE_WALK_BUDGET
    };
}

// Goes on in the page table that covers `next`, or behind the hole that is there.
static void enter_table(struct page_walk *walk)
{
    walk->next_entry = page_table_entry_or_skip(walk->root, &walk->next);
    walk->table_end = walk->next_entry;
    walk->budget--;
    if (!walk->next_entry)
        return;
    uint64_t end = min_of(align_down(walk->next, PAGE_TABLE_SPAN) + PAGE_TABLE_SPAN, walk->end);
    uint64_t count = (end - walk->next) / PAGE_SIZE;
    walk->next = end;
    walk->table_end += count;
    walk->budget -= (int64_t)(count / ENTRIES_PER_BUDGET);
}

enum page_walk_step page_walk_next(struct page_walk *walk)
{
    for (;;) {
        if (walk->budget <= 0) {
            walk->budget = PAGE_WALK_BUDGET;
            return PAGE_WALK_PAUSE;
        }
        uint64_t *entry = walk->next_entry, *const table_end = walk->table_end;
        while (entry != table_end && *entry == 0)
            entry++;
        if (entry != table_end) {
            walk->entry = entry;
            walk->address = walk->next - (uint64_t)(table_end - entry) * PAGE_SIZE;
            walk->next_entry = entry + 1;
            walk->budget--;
            return PAGE_WALK_PAGE;
        }
        if (walk->next >= walk->end)
            return PAGE_WALK_END;
        enter_table(walk);
    }
}

// Frames whose entries are cleared but may still be in a TLB.
struct frame_batch {
    struct tlb_range stale;
    uint32_t count;
    struct frame *frames[PAGE_WALK_BUDGET];
};

_Static_assert(PAGE_WALK_BUDGET <= FRAME_BATCH_LIMIT, "a batch is released at once");

static void release_batch(struct frame_batch *batch, struct address_space *space)
{
    if (batch->count == 0)
        return;
    tlb_range_flush(&batch->stale, space);
    frames_release(batch->frames, batch->count);
    atomic_fetch_sub_explicit(&space->resident_pages, batch->count, memory_order_relaxed);
    batch->count = 0;
}

// Goes on with a walk that has found something.
never_inlined static void drop_found(struct address_space *space, struct page_walk *walk,
                                     enum page_walk_step step)
{
    struct frame_batch batch;
    batch.count = 0;
    batch.stale = (struct tlb_range){ 0 };
    for (;; step = page_walk_next(walk)) {
        if (step == PAGE_WALK_PAGE) {
            kassert(batch.count < PAGE_WALK_BUDGET);
            batch.frames[batch.count++] = pages_entry_frame(*walk->entry);
            pages_entry_set(walk->entry, 0);
            tlb_range_add(&batch.stale, walk->address);
            continue;
        }
        release_batch(&batch, space);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
}

never_inlined void pages_drop(struct address_space *space, uint64_t start, uint64_t end)
{
    struct page_walk walk;
    page_walk_begin(&walk, space, start, end);
    enum page_walk_step step = page_walk_next(&walk);
    if (step != PAGE_WALK_END)
        drop_found(space, &walk, step);
}

void pages_assert_none(struct address_space *space, uint64_t start, uint64_t end)
{
    struct page_walk walk;
    page_walk_begin(&walk, space, start, end);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        kassert(step != PAGE_WALK_PAGE);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
}

// More rights need no flush: a stale entry costs one more fault, which drops it and finds nothing
// to do (SDM vol. 3A, 4.10.4.3).
static bool loses_rights(uint64_t old, uint64_t entry)
{
    return (old & ~entry & (PTE_PRESENT | PTE_WRITE)) != 0 || (entry & ~old & PTE_NO_EXECUTE) != 0;
}

void pages_restrict(struct address_space *space, const struct region *region, uint64_t start,
                    uint64_t end)
{
    struct tlb_range stale = { 0 };
    struct page_walk walk;
    page_walk_begin(&walk, space, start, end);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_PAGE) {
            uint64_t old = *walk.entry;
            bool writable = region->shared || (old & PTE_WRITE);
            uint64_t entry = pages_entry_value(pte_address(old), region->protection, writable);
            pages_entry_set(walk.entry, entry);
            if ((old & PTE_PRESENT) && loses_rights(old, entry))
                tlb_range_add(&stale, walk.address);
            continue;
        }
        tlb_range_flush(&stale, space);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
}

// Unmaps [start, end), which leaves something of the region on both sides.
never_inlined static int unmap_middle(struct address_space *space, struct region *region,
                                      uint64_t start, uint64_t end)
{
    if (space->region_count >= REGION_LIMIT)
        return -ENOMEM;
    struct region *upper = region_create(space, region);
    if (!upper)
        return -ENOMEM;
    pages_drop(space, start, end);
    upper->start = end;
    if (upper->object)
        upper->object_page += (end - region->start) / PAGE_SIZE;
    region_shorten(space, region, start, region->end);
    region_insert_after(space, upper, region);
    return 0;
}

// Unmaps what the region has of [start, end), which does not lie in its middle.
static inline void unmap_part(struct address_space *space, struct region *region, uint64_t start,
                              uint64_t end)
{
    start = max_of(region->start, start);
    end = min_of(region->end, end);
    pages_drop_of(space, region, start, end);
    region_shorten(space, region, start, end);
}

never_inlined static void unmap_several(struct address_space *space, struct region *region,
                                        uint64_t start, uint64_t end)
{
    for (uint32_t seen = 1; region && region->start < end; seen++) {
        struct region *next = region_next(region);
        unmap_part(space, region, start, end);
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
        region = next;
    }
}

int pages_unmap(struct address_space *space, uint64_t start, uint64_t end)
{
    struct region *region = region_find_from(space, start);
    if (!region || region->start >= end)
        return 0;
    if (region->start < start && region->end > end)
        return unmap_middle(space, region, start, end);
    if (region->end >= end)
        unmap_part(space, region, start, end);
    else
        unmap_several(space, region, start, end);
    return 0;
}
