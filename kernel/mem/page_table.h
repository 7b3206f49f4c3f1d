// x86-64 four-level page tables: mapping single 4 KiB pages for programs, and the walk. Who calls
// holds the lock of the address space (or the kernel map lock). Never flushes the TLB: the caller
// does, before it frees a frame.
#pragma once

#include "lib/types.h"

#define PTE_PRESENT (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_USER (1ull << 2)
#define PTE_WRITE_THROUGH (1ull << 3)
#define PTE_CACHE_DISABLE (1ull << 4)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_LARGE (1ull << 7) // in a directory entry
#define PTE_PAT (1ull << 7)   // in a page entry
#define PTE_GLOBAL (1ull << 8)
#define PTE_NO_EXECUTE (1ull << 63)
#define PTE_ADDRESS_MASK 0x000ffffffffff000ull

struct frame;

// The root that holds only the kernel's half; idle and kernel threads run on it.
extern phys_addr kernel_page_table_root;
// A root with a copy of its kernel half was made: that half's root entries do not change any more.
extern bool kernel_half_is_shared;

// How many tables a root has in the user half. Any context.
uint64_t page_table_count(phys_addr root);

// A new root whose kernel half is shared with every other; with isolation, and its companion for
// ring 3 (mem/entry_map.h), which follows it. value 0: no memory.
must_check phys_addr page_table_create(void);
// With isolation, the companion of a root: the frame behind it.
static inline phys_addr page_table_companion(phys_addr root)
{
    return phys_make(root.value + PAGE_SIZE);
}
// Frees all tables of the user half and the root. No page may be mapped any more: the
// tables are kept as blank ones (debug builds look; vm/address_space.c asserts the count of pages).
void page_table_destroy(phys_addr root);
// The same in steps, for callers that offer preemption points in between: frees at most about
// `table_limit` tables and returns true once nothing, not even the root, is left.
must_check bool page_table_destroy_step(phys_addr root, uint32_t table_limit);
// The page entry for an address; NULL when a table is missing. With `create`, missing tables are
// allocated and NULL means no memory.
uint64_t *page_table_entry(phys_addr root, uint64_t address, bool create);
// The same for an entry of an upper table: level 1 holds directory entries, which may be large
// pages.
uint64_t *page_table_entry_at(phys_addr root, uint64_t address, uint32_t level, bool create);
// The page entry of *address. Where no page table covers it, NULL, and *address moves to where the
// next one may begin (UINT64_MAX: nowhere).
uint64_t *page_table_entry_or_skip(phys_addr root, uint64_t *address);
// Takes out the table below the address's entry of this level (1: its page table) when it has no
// entry left; the caller flushes, then releases the frame. NULL when there is nothing to take out.
// For the kernel's half only.
struct frame *page_table_take_empty(phys_addr root, uint64_t address, uint32_t level);
// The next address at or after `start`, below `end`, that has a non-zero page entry; `end` if none.
// Skips absent tables whole. *entry is set when found.
uint64_t page_table_next_mapped(phys_addr root, uint64_t start, uint64_t end, uint64_t **entry);

static inline phys_addr pte_address(uint64_t entry)
{
    return phys_make(entry & PTE_ADDRESS_MASK);
}
