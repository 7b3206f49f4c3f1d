// Page table entries of programs in bulk: building, walking, dropping, changing rights. Called by
// map, remap, fork and release under the space's mutex. Order kept everywhere: entry cleared, TLB
// flushed, frame released; otherwise a program could reach a frame that is already somebody else's.
#include "vm/pages.h"

#include "lib/panic.h"
#include "sched/scheduler.h"
#include "vm/tlb.h"

// What one walk step may look through, and what looking through one page table costs compared with
// handling one page: both keep the stretch between two preemption points short.
#define PAGE_WALK_WINDOW (32ull << 20)
#define PAGE_TABLE_SPAN_SHIFT 21u
#define PAGE_TABLE_COST 12

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
        .root = space->page_table_root, .next = start, .end = end, .budget = PAGE_WALK_BUDGET
    };
}

enum page_walk_step page_walk_next(struct page_walk *walk)
{
    while (walk->next < walk->end) {
        if (walk->budget <= 0) {
            walk->budget = PAGE_WALK_BUDGET;
            return PAGE_WALK_PAUSE;
        }
        uint64_t window_end = align_down(walk->next, PAGE_WALK_WINDOW) + PAGE_WALK_WINDOW;
        window_end = min_of(window_end, walk->end);
        uint64_t found = page_table_next_mapped(walk->root, walk->next, window_end, &walk->entry);
        uint64_t tables = (found >> PAGE_TABLE_SPAN_SHIFT) - (walk->next >> PAGE_TABLE_SPAN_SHIFT);
        walk->budget -= 1 + PAGE_TABLE_COST * (int64_t)tables;
        if (found < window_end) {
            walk->address = found;
            walk->next = found + PAGE_SIZE;
            return PAGE_WALK_PAGE;
        }
        walk->next = window_end;
    }
    return PAGE_WALK_END;
}

// Frames whose entries are cleared but may still be in a TLB.
struct frame_batch {
    struct tlb_range stale;
    uint32_t count;
    struct frame *frames[PAGE_WALK_BUDGET];
};

static void release_batch(struct frame_batch *batch, struct address_space *space)
{
    tlb_range_flush(&batch->stale, space);
    for (uint32_t i = 0; i < batch->count; i++)
        frame_release(batch->frames[i]);
    atomic_fetch_sub_explicit(&space->resident_pages, batch->count, memory_order_relaxed);
    batch->count = 0;
}

void pages_drop(struct address_space *space, uint64_t start, uint64_t end)
{
    struct frame_batch batch;
    batch.count = 0;
    batch.stale = (struct tlb_range){ 0 };
    struct page_walk walk;
    page_walk_begin(&walk, space, start, end);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_PAGE) {
            kassert(batch.count < PAGE_WALK_BUDGET);
            batch.frames[batch.count++] = pages_entry_frame(*walk.entry);
            pages_entry_set(walk.entry, 0);
            tlb_range_add(&batch.stale, walk.address);
            continue;
        }
        release_batch(&batch, space);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
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
            pages_entry_set(walk.entry,
                            pages_entry_value(pte_address(old), region->protection, writable));
            if (old & PTE_PRESENT)
                tlb_range_add(&stale, walk.address);
            continue;
        }
        tlb_range_flush(&stale, space);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
}

int pages_unmap(struct address_space *space, uint64_t start, uint64_t end)
{
    int error = region_isolate(space, start, end, 1);
    if (error)
        return error;
    struct region *region = region_find_from(space, start);
    for (uint32_t seen = 1; region && region->start < end; seen++) {
        struct region *next = region_next(region);
        pages_drop(space, region->start, region->end);
        region_remove(space, region);
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
        region = next;
    }
    return 0;
}
