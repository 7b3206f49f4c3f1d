// The region tree of an address space: creation, search, cutting and joining. Called by the other
// files of vm/ under the space's mutex. A region owns one reference of the object it maps.
#include "vm/region.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "lib/panic.h"
#include "mem/object_cache.h"
#include "sched/scheduler.h"

#define REGIONS_PER_PREEMPT_POINT 8u

static OBJECT_CACHE(region_cache, "region", struct region);

static int compare_start(const void *key, const struct rb_node *node)
{
    uint64_t address = *(const uint64_t *)key;
    uint64_t start = rb_entry(node, const struct region, node)->start;
    return address < start ? -1 : address > start;
}

static struct region *region_of_node(struct rb_node *node)
{
    return node ? rb_entry(node, struct region, node) : NULL;
}

struct region *region_create(const struct region *model)
{
    struct region *region = object_allocate(&region_cache);
    if (!region)
        return NULL;
    *region = *model;
    region->node = (struct rb_node){ 0 };
    if (region->object)
        region->object->operations->reference(region->object);
    return region;
}

void region_destroy(struct region *region)
{
    if (region->object)
        region->object->operations->release(region->object);
    object_release(&region_cache, region);
}

void region_insert(struct address_space *space, struct region *region)
{
    kassert(region->start < region->end && region->end <= USER_ADDRESS_LIMIT);
    bool inserted = rb_insert(&space->regions, &region->node, &region->start, compare_start);
    kassert(inserted);
    space->region_count++;
    space->mapped_pages += region_page_count(region);
}

void region_remove(struct address_space *space, struct region *region)
{
    rb_remove(&space->regions, &region->node);
    space->region_count--;
    space->mapped_pages -= region_page_count(region);
    region_destroy(region);
}

struct region *region_find(const struct address_space *space, uint64_t address)
{
    struct region *region =
        region_of_node(rb_find_at_or_before(&space->regions, &address, compare_start));
    return region && address < region->end ? region : NULL;
}

struct region *region_find_from(const struct address_space *space, uint64_t address)
{
    struct region *region =
        region_of_node(rb_find_at_or_before(&space->regions, &address, compare_start));
    if (!region)
        return region_first(space);
    return address < region->end ? region : region_next(region);
}

struct region *region_first(const struct address_space *space)
{
    return region_of_node(rb_first(&space->regions));
}

struct region *region_below(const struct address_space *space, uint64_t address)
{
    if (address == 0)
        return NULL;
    uint64_t last = address - 1;
    return region_of_node(rb_find_at_or_before(&space->regions, &last, compare_start));
}

struct region *region_next(const struct region *region)
{
    return region_of_node(rb_next(&region->node));
}

struct region *region_previous(const struct region *region)
{
    return region_of_node(rb_previous(&region->node));
}

uint64_t region_floor(const struct region *region)
{
    if (!region->grows_down)
        return region->start;
    return region->start > STACK_GUARD_BYTES ? region->start - STACK_GUARD_BYTES : 0;
}

bool region_range_is_free(const struct address_space *space, uint64_t start, uint64_t end)
{
    const struct region *region = region_find_from(space, start);
    return !region || region_floor(region) >= end;
}

bool region_range_is_mapped(const struct address_space *space, uint64_t start, uint64_t end)
{
    const struct region *region = region_find(space, start);
    for (uint32_t seen = 1; region && region->end < end; seen++) {
        const struct region *next = region_next(region);
        if (!next || next->start != region->end)
            return false;
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
        region = next;
    }
    return region != NULL;
}

// Cuts the region that has `address` inside, if one has.
static int split_at(struct address_space *space, uint64_t address)
{
    struct region *lower = region_find(space, address);
    if (!lower || lower->start == address)
        return 0;
    struct region *upper = region_create(lower);
    if (!upper)
        return -ENOMEM;
    upper->start = address;
    if (upper->object)
        upper->object_page += (address - lower->start) / PAGE_SIZE;
    lower->end = address;
    space->mapped_pages -= region_page_count(upper);
    region_insert(space, upper);
    return 0;
}

int region_isolate(struct address_space *space, uint64_t start, uint64_t end, uint32_t removed)
{
    int error = split_at(space, start);
    if (error)
        return error;
    error = split_at(space, end);
    if (!error && space->region_count > REGION_LIMIT + removed)
        error = -ENOMEM;
    if (error)
        region_join(space, start, end);
    return error;
}

static bool can_join(const struct region *low, const struct region *high)
{
    if (low->end != high->start || low->protection != high->protection ||
        low->shared != high->shared || low->grows_down != high->grows_down ||
        low->never_writable != high->never_writable || low->object != high->object)
        return false;
    return !low->object || low->object_page + region_page_count(low) == high->object_page;
}

void region_join(struct address_space *space, uint64_t start, uint64_t end)
{
    struct region *region = region_find_from(space, start);
    for (uint32_t seen = 1; region && region->start <= end; seen++) {
        struct region *previous = region_previous(region);
        if (previous && can_join(previous, region)) {
            uint64_t joined_end = region->end;
            region_remove(space, region);
            space->mapped_pages += (joined_end - previous->end) / PAGE_SIZE;
            previous->end = joined_end;
            region = previous;
        }
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
        region = region_next(region);
    }
}
