// Page table entries of programs: what they hold, walking them with pauses, dropping them, making
// one present. For the files of vm/ only; the space's mutex is held (or nobody else knows the
// space). An entry is 0, present, or parked: its region allows nothing (PROT_NONE), so the CPU must
// not see it, but it keeps its frame. Present and parked entries hold one reference of their frame.
#pragma once

#include "cpu/features.h"
#include "lib/protection.h"
#include "mem/frame.h"
#include "mem/page_table.h"
#include "vm/region.h"

#define PTE_PARKED (1ull << 9) // ignored by the CPU; never together with PTE_PRESENT

static inline bool pages_no_execute_works(void)
{
    return PROTECT_NX && cpu_features.nx; // without NX bit 63 is reserved and would fault
}

// The entry for a frame under a region's protection. `writable` says whether this frame may be
// written in place (it is not shared copy-on-write).
uint64_t pages_entry_value(phys_addr frame, uint32_t protection, bool writable);
// One store: the CPU may walk the tables at any moment.
static inline void pages_entry_set(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}
struct frame *pages_entry_frame(uint64_t value);

#define PAGE_TABLE_SPAN (512 * PAGE_SIZE) // what one page table maps

// At most this many pages come between two pauses of a walk.
#define PAGE_WALK_BUDGET 24

enum page_walk_step {
    PAGE_WALK_PAGE,  // `address` and `entry` are set; the entry is not 0
    PAGE_WALK_PAUSE, // enough was done: finish what is pending, then preempt_point()
    PAGE_WALK_END,
};

struct page_walk {
    phys_addr root;
    uint64_t next, end;
    uint64_t *next_entry, *table_end; // not looked at yet, in the table that ends at `next`
    int64_t budget;
    uint64_t address;
    uint64_t *entry;
};

void page_walk_begin(struct page_walk *walk, const struct address_space *space, uint64_t start,
                     uint64_t end);
must_check enum page_walk_step page_walk_next(struct page_walk *walk);

// Clears every entry of [start, end), flushes, then releases the frames. Passes preemption points.
void pages_drop(struct address_space *space, uint64_t start, uint64_t end);
void pages_assert_none(struct address_space *space, uint64_t start, uint64_t end); // debug builds
// The same for a part of a region, which may never have had a page.
static inline void pages_drop_of(struct address_space *space, const struct region *region,
                                 uint64_t start, uint64_t end)
{
    if (region->populated)
        pages_drop(space, start, end);
    else if (DEBUG_CHECKS)
        pages_assert_none(space, start, end);
}
// Gives the entries of [start, end) the rights of `region`, which covers them, and flushes what
// lost some. Never makes a private page writable: the fault does, which knows about sharing.
// Preemption points.
void pages_restrict(struct address_space *space, const struct region *region, uint64_t start,
                    uint64_t end);

// Makes the page of `address` present for an access (PAGE_FAULT_WRITE, PAGE_FAULT_FETCH or 0), as
// its region allows; a stack may grow. On FAULT_RESOLVED *entry is the present entry.
must_check enum fault_verdict pages_resolve(struct address_space *space, uint64_t address,
                                            uint32_t access, uint64_t **entry);
// Removes the regions of [start, end), parts of regions included. -ENOMEM: nothing has changed.
must_check int pages_unmap(struct address_space *space, uint64_t start, uint64_t end);
