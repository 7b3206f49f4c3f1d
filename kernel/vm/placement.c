// Choice of addresses for new mappings: from mmap_top downwards, with a guard gap below stacks.
// Called by map.c and remap.c under the space's mutex; changes nothing.
#include "vm/placement.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "mem/frame.h"
#include "sched/scheduler.h"

#define REGIONS_PER_PREEMPT_POINT 8u
#define PLAUSIBLE_WITHOUT_COUNTING (16ull << 20)

// The highest free range of `length` that ends at or below `top`; 0 when there is none.
static uint64_t find_below(const struct address_space *space, uint64_t top, uint64_t length,
                           struct region_place *place)
{
    *place = region_locate(space, top - 1);
    if (place->above)
        top = min_of(top, region_floor(place->above));
    for (uint32_t seen = 1;; seen++) {
        uint64_t bottom = LOWEST_USER_ADDRESS;
        if (place->below)
            bottom = max_of(bottom, place->below->end);
        if (top >= bottom && top - bottom >= length)
            return top - length;
        if (!place->below)
            return 0;
        top = min_of(top, region_floor(place->below));
        place->above = place->below;
        place->below = region_previous(place->below);
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
}

static int64_t check_fixed(uint64_t start, uint64_t length, uint32_t flags,
                           const struct region_place *place)
{
    if (start % PAGE_SIZE)
        return -EINVAL;
    if (start > USER_ADDRESS_LIMIT || length > USER_ADDRESS_LIMIT - start)
        return -ENOMEM;
    if (start < LOWEST_USER_ADDRESS)
        return -EPERM;
    if ((flags & MAP_AT_FIXED_EMPTY) && !region_place_is_free(place, start, start + length))
        return -EEXIST;
    return (int64_t)start;
}

int64_t placement_choose(const struct address_space *space, uint64_t hint, uint64_t length,
                         uint32_t flags, struct region_place *place)
{
    if (length > USER_ADDRESS_LIMIT)
        return -ENOMEM;
    if (flags & (MAP_AT_FIXED | MAP_AT_FIXED_EMPTY)) {
        *place = region_locate(space, hint);
        return check_fixed(hint, length, flags, place);
    }
    hint = align_down(hint, PAGE_SIZE);
    if (hint != 0 && hint < LOWEST_USER_ADDRESS)
        hint = LOWEST_USER_ADDRESS;
    if (hint != 0 && hint <= USER_ADDRESS_LIMIT - length &&
        region_range_is_free(space, hint, hint + length)) {
        *place = region_locate(space, hint);
        return (int64_t)hint;
    }
    uint64_t start = find_below(space, space->mmap_top, length, place);
    if (start == 0)
        start = find_below(space, USER_ADDRESS_LIMIT, length, place);
    return start ? (int64_t)start : -ENOMEM;
}

bool placement_is_within_limit(const struct address_space *space, uint64_t pages)
{
    return pages <= space->limit_pages && space->mapped_pages <= space->limit_pages - pages;
}

uint64_t placement_mapped_pages(const struct address_space *space, uint64_t start, uint64_t end)
{
    uint64_t pages = 0;
    uint32_t seen = 0;
    for (const struct region *region = region_find_from(space, start);
         region && region->start < end; region = region_next(region)) {
        pages += (min_of(region->end, end) - max_of(region->start, start)) / PAGE_SIZE;
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    return pages;
}

bool placement_is_plausible(uint64_t length)
{
    if (length <= PLAUSIBLE_WITHOUT_COUNTING)
        return true;
    struct frame_counts counts;
    frames_count(&counts);
    return length / PAGE_SIZE <= counts.total;
}
