// A program's page-table root as the CPUs see it: which of them have it loaded, and what they must
// drop. Part of an address space; threads point to it, the scheduler's switch loads it. What the
// tables hold is vm's.
//
// Lazy: a CPU whose kernel thread or idle loop runs on the last program's root uses none of its
// translations. It is not interrupted for a flush; it sees by the generation that it missed some
// when it comes back to the program. Tables are freed only after translation_abandon().
#pragma once

#include <stdatomic.h>

#include "cpu/cpu_mask.h"
#include "cpu/percpu.h"
#include "lib/types.h"

struct translation {
    phys_addr root;
    uint64_t context;         // no other translation ever has this number
    atomic_ullong generation; // one more with each flush
    bool abandoned;           // no CPU has the root, nor will: nothing to flush
    struct cpu_mask cpus;     // all that have the root in CR3, and some that had
};

// Makes a root; the rest is zeroes. False: no memory.
must_check bool translation_init(struct translation *translation);
// No CPU has the root in CR3 any more when this returns; nobody must be able to load it again.
// Afterwards the tables may be freed (page_table_destroy). As translation_flush().
void translation_abandon(struct translation *translation);

// User entries of [start, end) were cleared, replaced or restricted, in that order before this
// call. On return no CPU translates by the old ones. Calls for one translation come one at a time
// (the space's mutex). Thread context, interrupts on, no spinlock held: waits for other CPUs, which
// may themselves be waiting for a spinlock.
void translation_flush_used(struct translation *translation, uint64_t start, uint64_t end);
static inline void translation_flush(struct translation *translation, uint64_t start, uint64_t end)
{
    if (likely(!translation->abandoned))
        translation_flush_used(translation, start, end);
}
// The same for entries and tables of the kernel's half, on every CPU; all that the TLBs hold goes.
void translation_flush_kernel(void);

// This CPU starts to use PCIDs if it has them. Once on each CPU, on the kernel's root, interrupts
// off, after the features are known.
void translation_cpu_init(void);

// For the switch, interrupts off, on this CPU: the user half of what is loaded next. NULL: a kernel
// thread or idle, which takes the last one along.
void translation_load(struct percpu *cpu, struct translation *next);
static inline void translation_switch(struct percpu *cpu, struct translation *next)
{
    if (atomic_load_explicit(&cpu->translation_active, memory_order_relaxed) == next)
        return;
    if (next)
        translation_load(cpu, next);
    else // what the program stored comes before this store: who sees it may free frames
        atomic_store_explicit(&cpu->translation_active, NULL, memory_order_release);
}
