// Regions in the tree of an address space: finding, cutting, joining. For the files of vm/ only.
// Everything here is called with the space's mutex held, or on a space that nobody else knows yet.
// Invariant: regions are disjoint, whole pages, inside [0, USER_ADDRESS_LIMIT); `region_count` and
// `mapped_pages` follow every change.
#pragma once

#include "vm/address_space.h"

#define REGION_LIMIT 65530u                  // more are -ENOMEM, as Linux's vm.max_map_count
#define STACK_GUARD_BYTES (256u * PAGE_SIZE) // kept free below a region that grows down
#define LOWEST_USER_ADDRESS 65536u // nothing is mapped below: a NULL pointer with an offset faults

static inline uint64_t region_page_count(const struct region *region)
{
    return (region->end - region->start) / PAGE_SIZE;
}

// What RLIMIT_DATA counts: the program's own writable memory, without stacks.
static inline bool region_is_data(const struct region *region)
{
    return (region->protection & PROTECTION_WRITE) && !region->shared && !region->grows_down;
}

// Like `model`, with a reference of its object; in no tree yet. NULL: no memory.
must_check struct region *region_create(struct address_space *space, const struct region *model);
void region_destroy(struct address_space *space, struct region *region); // of one in no tree
void region_release_spare(struct address_space *space);                  // at the space's end

void region_insert(struct address_space *space, struct region *region);
// The same for who knows the region below it (NULL: none).
void region_insert_after(struct address_space *space, struct region *region, struct region *below);
// Takes it out of the tree and destroys it. Its pages must be gone.
void region_remove(struct address_space *space, struct region *region);
// Takes [start, end), which begins or ends where the region does, or both, away from it. The pages
// must be gone.
void region_shorten(struct address_space *space, struct region *region, uint64_t start,
                    uint64_t end);
// Takes the lowest region out of the tree, for the end of the space: the others must follow.
struct region *region_take_first(struct address_space *space);

// The regions around an address: the last that starts at or below it, the first that starts above.
struct region_place {
    struct region *below, *above; // NULL: none
};
struct region_place region_locate(const struct address_space *space, uint64_t address);
// Is [start, end) free of regions, when `place` is that of `start`? Guard gaps don't count.
static inline bool region_place_is_free(const struct region_place *place, uint64_t start,
                                        uint64_t end)
{
    return (!place->below || place->below->end <= start) &&
           (!place->above || place->above->start >= end);
}
struct region *region_find(const struct address_space *space, uint64_t address); // that contains it
// The first region that ends above `address`; NULL when there is none.
struct region *region_find_from(const struct address_space *space, uint64_t address);
struct region *region_first(const struct address_space *space);
struct region *region_next(const struct region *region);
struct region *region_previous(const struct region *region);

// The lowest address that others must keep away from: below a stack lies its guard gap.
uint64_t region_floor(const struct region *region);
// Is [start, end) free, guard gap of the region above included?
bool region_range_is_free(const struct address_space *space, uint64_t start, uint64_t end);
// Is every page of [start, end) in some region?
bool region_range_is_mapped(const struct address_space *space, uint64_t start, uint64_t end);

// Cuts regions so that none crosses `start` or `end`. -ENOMEM: nothing has changed.
must_check int region_isolate(struct address_space *space, uint64_t start, uint64_t end);
// Lets a neighbour, or both as one, grow over the free range of `model`, which lies between them.
// False: none is compatible, and nothing has changed.
must_check bool region_extend(struct address_space *space, struct region_place place,
                              const struct region *model);
// Joins compatible neighbours wherever two regions meet in [start, end], borders included.
void region_join(struct address_space *space, uint64_t start, uint64_t end);
