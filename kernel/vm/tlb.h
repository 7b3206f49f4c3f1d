// Dropping stale translations. The one place where the kernel makes sure that no CPU uses an old
// page table entry of a program: with several CPUs, their shootdown happens inside this function.
#pragma once

#include "vm/address_space.h"

// Entries of [start, end) were cleared, replaced or restricted, in that order before this call. On
// return no CPU translates by the old ones: only now may frames that they named be released.
// Called with the space's mutex held (or on a space nobody else knows), interrupts on and no
// spinlock held, since it may come to wait for other CPUs, which may themselves be waiting for a
// spinlock.
void tlb_flush_range(struct address_space *space, uint64_t start, uint64_t end);

// Collects addresses whose entries changed, for one flush of them all.
struct tlb_range {
    uint64_t start, end; // equal: empty
};

void tlb_range_add(struct tlb_range *range, uint64_t page);
void tlb_range_flush(struct tlb_range *range, struct address_space *space); // and empties it
