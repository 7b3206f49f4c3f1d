// Local TLB maintenance for user pages. Called by everything in vm/ that takes rights away from a
// page table entry, before frames go back. User entries are never global, so a CR3 write drops
// them.
#include "vm/tlb.h"

#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "debug/trace.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/page_table.h"

// Above this many pages one reload of everything is cheaper than single invalidations.
#define TLB_SINGLE_PAGE_LIMIT 32u

void tlb_flush_range(struct address_space *space, uint64_t start, uint64_t end)
{
    if (DEBUG_CHECKS) {
        kassert(interrupts_are_on());
        spinlock_assert_held_count(0);
    }
    // A root that is not loaded has no entries here: without PCIDs every load of CR3 drops them all
    // (SDM vol. 3A, 4.10.4.1).
    if (pte_address(read_cr3()).value != space->page_table_root.value)
        return;
    trace(TRACE_SHOOTDOWN, start, (end - start) / PAGE_SIZE);
    if ((end - start) / PAGE_SIZE > TLB_SINGLE_PAGE_LIMIT) {
        write_cr3(read_cr3());
        return;
    }
    for (uint64_t page = start; page < end; page += PAGE_SIZE)
        invalidate_page(page);
}

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
        tlb_flush_range(space, range->start, range->end);
    *range = (struct tlb_range){ 0 };
}
