// Process-context identifiers (SDM vol. 3A, 4.10.1): which number tags the translations of which
// address space on one CPU, and when those must go. Pure; mem/translation.c keeps the state of each
// CPU and writes CR3. Invariant: a number is never used for another space, or for a space whose
// flushes this CPU has missed, without dropping what it tags.
#pragma once

#include "cpu/features.h"
#include "lib/types.h"

#define PCID_SLOTS 6u // few: a space that comes back late finds little of its own in the TLB

#define CR3_PCID_MASK 0xfffull
#define CR3_NO_FLUSH (1ull << 63) // this load keeps what its number tags; reads as 0

struct pcid_slot {
    uint64_t context;    // of the space; 0: none yet
    uint64_t generation; // the space's, up to which this CPU had flushed when it left it
    // With isolation: ring 3's number of this slot was left with a flush that only a way out does.
    bool user_is_behind;
};

// Of one CPU.
struct pcid_slots {
    struct pcid_slot slots[PCID_SLOTS];
    uint32_t current;
    uint32_t next_victim;
};

// Can the kernel use PCIDs on this CPU?
bool pcid_is_usable(const struct cpu_features *features);
// Makes a slot the current one for a space of this context (never 0, never used for another space)
// whose generation was read before; `left` is that of the one that was current, up to which it was
// flushed. True: what the slot's number tags is up to date and may stay.
bool pcid_choose(struct pcid_slots *slots, uint64_t left, uint64_t context, uint64_t generation);
// The current slot's number in CR3; 0 is the kernel's own root.
static inline uint64_t pcid_number(const struct pcid_slots *slots)
{
    return slots->current + 1;
}
