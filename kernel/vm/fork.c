// fork's copy of an address space: every region, and for private ones the page table entries, made
// read-only on both sides so that the first write copies. Called by the process layer.
// Invariant: a frame that two spaces name is writable in neither, unless its region is shared.
#include "abi/errno.h"
#include "sched/scheduler.h"
#include "vm/pages.h"
#include "vm/tlb.h"

#define REGIONS_PER_PREEMPT_POINT 8u

// Where the child's entries go: the page table that covers `covered`, kept from page to page.
struct copy_target {
    struct address_space *child;
    uint64_t covered;
    uint64_t *table; // NULL: not looked up yet
    uint64_t pages;  // copied
    struct tlb_range stale;
};

// The child's entry for an address; NULL: no memory.
static uint64_t *find_target(struct copy_target *target, uint64_t address)
{
    if (!target->table || (target->covered ^ address) / PAGE_TABLE_SPAN != 0) {
        target->covered = address;
        target->table = page_table_entry(target->child->translation.root,
                                         align_down(address, PAGE_TABLE_SPAN), true);
        if (!target->table)
            return NULL;
    }
    return &target->table[address % PAGE_TABLE_SPAN / PAGE_SIZE];
}

// Enters the parent's page into the child's tables. -ENOMEM.
static int copy_entry(struct copy_target *target, const struct page_walk *walk)
{
    uint64_t *entry = find_target(target, walk->address);
    if (!entry)
        return -ENOMEM;
    uint64_t value = *walk->entry;
    if (PROTECT_COW && (value & PTE_WRITE)) {
        value &= ~PTE_WRITE;
        pages_entry_set(walk->entry, value);
        tlb_range_add(&target->stale, walk->address);
    }
    frame_reference(pages_entry_frame(value));
    pages_entry_set(entry, value & ~(PTE_ACCESSED | PTE_DIRTY));
    target->pages++;
    return 0;
}

static int copy_pages(struct address_space *parent, struct address_space *child,
                      const struct region *region)
{
    int error = 0;
    struct copy_target target = { .child = child };
    struct page_walk walk;
    page_walk_begin(&walk, parent, region->start, region->end);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_PAGE)
            error = copy_entry(&target, &walk);
        if (step == PAGE_WALK_PAGE && !error)
            continue;
        // Before anything else of the parent runs: its writes must fault from now on.
        tlb_range_flush(&target.stale, parent);
        if (error || step == PAGE_WALK_END)
            break;
        preempt_point();
    }
    atomic_fetch_add_explicit(&child->resident_pages, target.pages, memory_order_relaxed);
    return error;
}

static int copy_regions(struct address_space *parent, struct address_space *child)
{
    uint32_t seen = 0;
    struct region *last = NULL;
    for (struct region *region = region_first(parent); region; region = region_next(region)) {
        struct region *copy = region_create(child, region);
        if (!copy)
            return -ENOMEM;
        region_insert_after(child, copy, last);
        last = copy;
        // What is shared comes from the object again when the child touches it.
        copy->populated = !region->shared && region->populated;
        int error = copy->populated ? copy_pages(parent, child, region) : 0;
        if (error)
            return error;
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    return 0;
}

static void copy_fields(const struct address_space *parent, struct address_space *child)
{
    child->limit_pages = parent->limit_pages;
    child->data_limit_pages = parent->data_limit_pages;
    child->stack_limit = parent->stack_limit;
    child->brk_start = parent->brk_start;
    child->brk_end = parent->brk_end;
    child->mmap_top = parent->mmap_top;
    child->code_start = parent->code_start;
    child->code_end = parent->code_end;
    child->data_start = parent->data_start;
    child->data_end = parent->data_end;
    child->stack_start = parent->stack_start;
    child->argument_start = parent->argument_start;
    child->argument_end = parent->argument_end;
    child->environment_start = parent->environment_start;
    child->environment_end = parent->environment_end;
}

// Nobody else knows the child yet: only the parent's mutex is taken.
struct address_space *address_space_fork(struct address_space *space)
{
    struct address_space *child = address_space_create();
    if (!child)
        return NULL;
    mutex_acquire(&space->mutex);
    copy_fields(space, child);
    int error = copy_regions(space, child);
    mutex_release(&space->mutex);
    if (error) {
        address_space_release(child);
        return NULL;
    }
    return child;
}
