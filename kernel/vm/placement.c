// Choice of addresses for new mappings: from mmap_top downwards, with a guard gap below stacks.
// Called by map.c and remap.c under the space's mutex; changes nothing.
#include "vm/placement.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "lib/protection.h"
#include "mem/frame.h"
#include "sched/scheduler.h"

#define REGIONS_PER_PREEMPT_POINT 8u
#define PLAUSIBLE_WITHOUT_COUNTING (16ull << 20)

// The highest free range of `length` that ends at or below `top`; 0 when there is none.
static inline uint64_t find_below(const struct address_space *space, uint64_t top, uint64_t length,
                                  struct region_place *result)
{
    struct region_place place = region_locate(space, top - 1);
    if (place.above)
        top = min_of(top, region_floor(place.above));
    for (uint32_t seen = 1;; seen++) {
        uint64_t bottom = place.below ? place.below->end : LOWEST_USER_ADDRESS;
        if (top >= bottom && top - bottom >= length) {
            *result = place;
            return top - length;
        }
        if (!place.below)
            return 0;
        top = region_floor(place.below); // it starts below the old top
        place.above = place.below;
        place.below = region_previous(place.below);
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
}

never_inlined static int64_t choose_fixed(const struct address_space *space, uint64_t start,
                                          uint64_t length, uint32_t flags,
                                          struct region_place *place)
{
    *place = region_locate(space, start);
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

// The hint itself, or the lowest address that is allowed; 0 when the range there is not free.
never_inlined static uint64_t choose_hint(const struct address_space *space, uint64_t hint,
                                          uint64_t length, struct region_place *place)
{
    hint = max_of(align_down(hint, PAGE_SIZE), (uint64_t)LOWEST_USER_ADDRESS);
    if (hint > USER_ADDRESS_LIMIT - length || !region_range_is_free(space, hint, hint + length))
        return 0;
    *place = region_locate(space, hint);
    return hint;
}

int64_t placement_choose(const struct address_space *space, uint64_t hint, uint64_t length,
                         uint32_t flags, struct region_place *place)
{
    if (length > USER_ADDRESS_LIMIT)
        return -ENOMEM;
    if (flags & (MAP_AT_FIXED | MAP_AT_FIXED_EMPTY))
        return choose_fixed(space, hint, length, flags, place);
    uint64_t start = hint >= PAGE_SIZE ? choose_hint(space, hint, length, place) : 0;
    for (uint64_t top = space->mmap_top; start == 0; top = USER_ADDRESS_LIMIT) {
        start = find_below(space, top, length, place);
        if (top == USER_ADDRESS_LIMIT)
            break;
    }
    return start ? (int64_t)start : -ENOMEM;
}

// Counted when it is asked for, which is only of programs with such a limit.
never_inlined static bool is_within_data_limit(const struct address_space *space, uint64_t pages)
{
    uint32_t seen = 0;
    for (const struct region *region = region_first(space); region; region = region_next(region)) {
        if (region_is_data(region))
            pages += region_page_count(region);
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    return pages <= space->data_limit_pages;
}

bool placement_is_within_limits(const struct address_space *space, const struct region *model,
                                uint64_t pages)
{
    if (!PROTECT_LIMITS)
        return true;
    if (pages > space->limit_pages || space->mapped_pages > space->limit_pages - pages)
        return false;
    return likely(space->data_limit_pages == UINT64_MAX) || !region_is_data(model) ||
           is_within_data_limit(space, pages);
}

bool placement_may_be_writable(const struct address_space *space, uint64_t start, uint64_t end)
{
    uint64_t pages = 0;
    uint32_t seen = 0;
    if (!PROTECT_LIMITS || likely(space->data_limit_pages == UINT64_MAX))
        return true;
    for (const struct region *region = region_find_from(space, start);
         region && region->start < end; region = region_next(region)) {
        if (!region->shared && !region->grows_down && !(region->protection & PROTECTION_WRITE))
            pages += (min_of(region->end, end) - max_of(region->start, start)) / PAGE_SIZE;
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    return pages == 0 || is_within_data_limit(space, pages);
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
