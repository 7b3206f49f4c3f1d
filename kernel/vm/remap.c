// mremap: shrinking, growing in place, and moving page table entries to another address. Called by
// the system call; takes the space's mutex. Moving changes no frame's reference count.
#include "abi/errno.h"
#include "cpu/frame.h"
#include "lib/panic.h"
#include "sched/scheduler.h"
#include "vm/pages.h"
#include "vm/placement.h"
#include "vm/tlb.h"

// Makes the page tables that the entries of [old, old + length) need at `to`, so that moving cannot
// fail half-way. Tables that stay empty go with the space.
static int prepare_tables(struct address_space *space, uint64_t old, uint64_t length, uint64_t to)
{
    struct page_walk walk;
    page_walk_begin(&walk, space, old, old + length);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_END)
            return 0;
        if (step == PAGE_WALK_PAUSE)
            preempt_point();
        else if (!page_table_entry(space->translation.root, walk.address - old + to, true))
            return -ENOMEM;
    }
}

static void move_entries(struct address_space *space, uint64_t old, uint64_t length, uint64_t to)
{
    struct tlb_range stale = { 0 };
    struct page_walk walk;
    page_walk_begin(&walk, space, old, old + length);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_PAGE) {
            uint64_t *target =
                page_table_entry(space->translation.root, walk.address - old + to, false);
            kassert(target && *target == 0);
            pages_entry_set(target, *walk.entry);
            pages_entry_set(walk.entry, 0);
            tlb_range_add(&stale, walk.address);
            continue;
        }
        tlb_range_flush(&stale, space);
        if (step == PAGE_WALK_END)
            return;
        preempt_point();
    }
}

// Moves [old, old + old_length), inside one region, to the free range at `to`.
static int64_t move_region(struct address_space *space, uint64_t old, uint64_t old_length,
                           uint64_t to, uint64_t new_length)
{
    if (space->region_count >= REGION_LIMIT)
        return -ENOMEM;
    int error = region_isolate(space, old, old + old_length);
    if (error)
        return error;
    struct region *source = region_find(space, old);
    kassert(source && source->start == old && source->end == old + old_length);
    struct region *moved = region_create(space, source);
    error = moved ? prepare_tables(space, old, old_length, to) : -ENOMEM;
    if (error) {
        if (moved)
            region_destroy(space, moved);
        region_join(space, old, old + old_length);
        return error;
    }
    moved->start = to;
    moved->end = to + new_length;
    region_insert(space, moved);
    move_entries(space, old, old_length, to);
    region_remove(space, source);
    region_join(space, to, to + new_length);
    return (int64_t)to;
}

// Extends the mapping that ends at `end` by `more` bytes where it is. False: no room.
static bool grow_in_place(struct address_space *space, struct region *region, uint64_t end,
                          uint64_t more)
{
    if (region->end != end || more > USER_ADDRESS_LIMIT - end ||
        !region_range_is_free(space, end, end + more))
        return false;
    region->end += more;
    space->mapped_pages += more / PAGE_SIZE;
    region_join(space, end, end + more);
    return true;
}

// The region that holds all of the old range, if it may become `new_length` long.
static int check_growth(const struct address_space *space, uint64_t old, uint64_t old_length,
                        uint64_t new_length, struct region **result)
{
    struct region *region = region_find(space, old);
    if (!region || old_length > region->end - old)
        return -EFAULT;
    if (region->object) {
        uint64_t page = region->object_page + (old - region->start) / PAGE_SIZE;
        if (new_length / PAGE_SIZE > UINT64_MAX / PAGE_SIZE - page)
            return -EINVAL;
    }
    if (new_length > old_length) {
        uint64_t more = new_length - old_length;
        if (!placement_is_within_limits(space, region, more / PAGE_SIZE))
            return -ENOMEM;
        if ((region->protection & PROTECTION_WRITE) && !placement_is_plausible(more))
            return -ENOMEM;
    }
    *result = region;
    return 0;
}

static int64_t remap_fixed(struct address_space *space, uint64_t old, uint64_t old_length,
                           uint64_t new_length, uint64_t to)
{
    if (to % PAGE_SIZE || to > USER_ADDRESS_LIMIT || new_length > USER_ADDRESS_LIMIT - to)
        return -EINVAL;
    if (to < old + old_length && old < to + new_length)
        return -EINVAL;
    if (to < LOWEST_USER_ADDRESS)
        return -EPERM;
    int error = pages_unmap(space, to, to + new_length);
    if (!error && old_length > new_length) {
        error = pages_unmap(space, old + new_length, old + old_length);
        old_length = new_length;
    }
    struct region *region;
    if (!error)
        error = check_growth(space, old, old_length, new_length, &region);
    return error ? error : move_region(space, old, old_length, to, new_length);
}

static int64_t remap_anywhere(struct address_space *space, uint64_t old, uint64_t old_length,
                              uint64_t new_length, bool may_move)
{
    if (old_length >= new_length) {
        if (old_length == new_length)
            return (int64_t)old;
        int error = pages_unmap(space, old + new_length, old + old_length);
        return error ? error : (int64_t)old;
    }
    struct region *region;
    int error = check_growth(space, old, old_length, new_length, &region);
    if (error)
        return error;
    if (grow_in_place(space, region, old + old_length, new_length - old_length))
        return (int64_t)old;
    if (!may_move)
        return -ENOMEM;
    struct region_place place;
    int64_t to = placement_choose(space, 0, new_length, 0, &place);
    return to < 0 ? to : move_region(space, old, old_length, (uint64_t)to, new_length);
}

int64_t address_space_remap(struct address_space *space, uint64_t old_start, uint64_t old_length,
                            uint64_t new_length, bool may_move, bool fixed, uint64_t new_start)
{
    if (old_start % PAGE_SIZE || old_length == 0 || new_length == 0 || (fixed && !may_move))
        return -EINVAL;
    if (old_start >= USER_ADDRESS_LIMIT)
        return -EFAULT;
    if (old_length > USER_ADDRESS_LIMIT - old_start) // what it shrinks by cannot be unmapped
        return old_length > new_length ? -EINVAL : -EFAULT;
    if (new_length > USER_ADDRESS_LIMIT)
        return fixed ? -EINVAL : -ENOMEM;
    old_length = align_up(old_length, PAGE_SIZE);
    new_length = align_up(new_length, PAGE_SIZE);

    int64_t result = -EFAULT;
    mutex_acquire(&space->mutex);
    if (region_find(space, old_start))
        result = fixed ? remap_fixed(space, old_start, old_length, new_length, new_start)
                       : remap_anywhere(space, old_start, old_length, new_length, may_move);
    mutex_release(&space->mutex);
    return result;
}
