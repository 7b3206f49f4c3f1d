// Page faults: a page appears on first touch, from zeroes, from its object, or as a private copy of
// what it shared until now. Called by trap/ for the running thread, and by access.c.
// Invariant: an entry becomes writable only for a frame that nobody else may see change.
#include "abi/errno.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "vm/pages.h"
#include "vm/placement.h"

enum fault_verdict address_space_fault(struct address_space *space, uint64_t address,
                                       uint32_t error)
{
    if (DEBUG_CHECKS) {
        kassert(interrupts_are_on());
        spinlock_assert_held_count(0);
        kassert(!mutex_is_held(&space->mutex));
    }
    // Reserved bits: the tables are broken, which no answer here can mend.
    if (address >= USER_ADDRESS_LIMIT || (error & PAGE_FAULT_RESERVED))
        return FAULT_NO_MAPPING;

    uint64_t *entry;
    mutex_acquire(&space->mutex);
    enum fault_verdict verdict = pages_resolve(space, address, error, &entry);
    mutex_release(&space->mutex);
    if (verdict == FAULT_RESOLVED)
        current_thread()->minor_faults++;
    return verdict;
}

// Extends the stack region above `address` down to it. NULL when there is none or it may not.
never_inlined static struct region *grow_stack(struct address_space *space, uint64_t address)
{
    struct region *stack = region_find_from(space, address);
    uint64_t start = align_down(address, PAGE_SIZE);
    if (!stack || !stack->grows_down || start < LOWEST_USER_ADDRESS ||
        (PROTECT_LIMITS && stack->end - start > space->stack_limit))
        return NULL;
    uint64_t pages = (stack->start - start) / PAGE_SIZE;
    if (!placement_is_within_limits(space, stack, pages))
        return NULL;
    const struct region *below = region_previous(stack);
    // Another mapping just below would let a runaway stack write into it unnoticed.
    if (below && !below->grows_down && below->protection != 0 &&
        start - below->end < STACK_GUARD_BYTES)
        return NULL;
    space->mapped_pages += pages;
    stack->start = start; // order in the tree stays: nothing lies between
    return stack;
}

static bool access_is_allowed(const struct region *region, uint32_t access)
{
    if (access & PAGE_FAULT_WRITE)
        return region->protection & PROTECTION_WRITE;
    if ((access & PAGE_FAULT_FETCH) && pages_no_execute_works())
        return region->protection & PROTECTION_EXECUTE;
    return region->protection != 0; // x86 cannot grant less than reading
}

static struct frame *copy_frame(const struct frame *original)
{
    struct frame *copy = frame_allocate(FRAME_ANONYMOUS);
    if (copy)
        memcpy(frame_pointer(copy), frame_pointer(original), PAGE_SIZE);
    return copy;
}

// The frame that belongs at `page` of a region with an object, with a reference. *writable is
// cleared when it is the object's own and the mapping private.
static enum fault_verdict frame_from_object(const struct region *region, uint64_t page, bool write,
                                            struct frame **result, bool *writable)
{
    int error = 0;
    uint64_t index = region->object_page + (page - region->start) / PAGE_SIZE;
    struct frame *frame = region->object->operations->get_page(region->object, index, &error);
    if (!frame)
        return error == -ERANGE ? FAULT_BUS : error == -ENOSPC ? FAULT_NO_ROOM : FAULT_NO_MEMORY;
    *writable = region->shared || write;
    if (!region->shared && write) {
        struct frame *copy = copy_frame(frame);
        frame_release(frame);
        frame = copy;
    }
    *result = frame;
    return frame ? FAULT_RESOLVED : FAULT_NO_MEMORY;
}

// Fills an empty entry.
static void enter_page(struct address_space *space, struct region *region, uint64_t *entry,
                       struct frame *frame, bool writable)
{
    pages_entry_set(entry, pages_entry_value(frame_address(frame), region->protection, writable));
    region->populated = true;
    atomic_fetch_add_explicit(&space->resident_pages, 1, memory_order_relaxed);
}

never_inlined static enum fault_verdict fill_from_object(struct address_space *space,
                                                         struct region *region, uint64_t page,
                                                         bool write, uint64_t *entry)
{
    struct frame *frame;
    bool writable;
    enum fault_verdict verdict = frame_from_object(region, page, write, &frame, &writable);
    if (verdict == FAULT_RESOLVED)
        enter_page(space, region, entry, frame, writable);
    return verdict;
}

static enum fault_verdict fill_with_zeroes(struct address_space *space, struct region *region,
                                           uint64_t *entry)
{
    struct frame *frame = frame_allocate_zeroed(FRAME_ANONYMOUS);
    if (!frame)
        return FAULT_NO_MEMORY;
    enter_page(space, region, entry, frame, true);
    return FAULT_RESOLVED;
}

// A write to a present page that is not writable although its region is.
never_inlined static enum fault_verdict unshare_page(struct address_space *space,
                                                     const struct region *region, uint64_t page,
                                                     uint64_t *entry)
{
    struct frame *frame = pages_entry_frame(*entry);
    bool alone = frame->use == FRAME_ANONYMOUS &&
                 atomic_load_explicit(&frame->references, memory_order_acquire) == 1;
    if (region->shared || alone) {
        // More rights need no flush: a stale entry costs one more fault, and the fault drops it
        // (SDM vol. 3A, 4.10.4.3).
        pages_entry_set(entry, *entry | PTE_WRITE);
        return FAULT_RESOLVED;
    }
    struct frame *copy = copy_frame(frame);
    if (!copy)
        return FAULT_NO_MEMORY;
    // Empty in between: were the copy there at once, another CPU could see what a third wrote to
    // it by a flag, and read the old page all the same.
    pages_entry_set(entry, 0);
    translation_flush(&space->translation, page, page + PAGE_SIZE);
    pages_entry_set(entry, pages_entry_value(frame_address(copy), region->protection, true));
    frame_release(frame);
    return FAULT_RESOLVED;
}

enum fault_verdict pages_resolve(struct address_space *space, uint64_t address, uint32_t access,
                                 uint64_t **entry)
{
    struct region *region = region_find(space, address);
    if (!region)
        region = grow_stack(space, address);
    if (!region)
        return FAULT_NO_MAPPING;
    if (!access_is_allowed(region, access))
        return FAULT_DENIED;

    uint64_t page = align_down(address, PAGE_SIZE);
    bool write = access & PAGE_FAULT_WRITE;
    *entry = page_table_entry(space->translation.root, page, true);
    if (!*entry)
        return FAULT_NO_MEMORY;
    if (**entry == 0)
        return region->object ? fill_from_object(space, region, page, write, *entry)
                              : fill_with_zeroes(space, region, *entry);
    kassert(**entry & PTE_PRESENT); // parked entries lie in regions that allow nothing
    if (write && !(**entry & PTE_WRITE))
        return unshare_page(space, region, page, *entry);
    return FAULT_RESOLVED; // somebody else was faster, or the TLB was stale
}
