// Dropping stale translations of a program, a batch at a time (mem/translation.h,
// translation_flush: only after it may frames that the old entries named be released). Called with
// the space's mutex held, or on a space nobody else knows; interrupts on and no spinlock held.
#pragma once

#include "vm/address_space.h"

// Collects addresses whose entries changed, for one flush of them all.
struct tlb_range {
    uint64_t start, end; // equal: empty
};

void tlb_range_add(struct tlb_range *range, uint64_t page);
void tlb_range_flush(struct tlb_range *range, struct address_space *space); // and empties it
