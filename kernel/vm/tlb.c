// Batches of changed pages, for one flush of them all. Called by everything in vm/ that takes
// rights away from a page table entry, before frames go back. User entries are never global, so a
// CR3 write drops them.
#include "vm/tlb.h"

void tlb_range_add(struct tlb_range *range, uint64_t page)
{
    if (range->start == range->end) {
        range->start = page;
        range->end = page + PAGE_SIZE;
        return;
    }
    range->start = min_of(range->start, page);
    range->end = max_of(range->end, page + PAGE_SIZE);
}

void tlb_range_flush(struct tlb_range *range, struct address_space *space)
{
    if (range->start != range->end)
        translation_flush(&space->translation, range->start, range->end);
    *range = (struct tlb_range){ 0 };
}
