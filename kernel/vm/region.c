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

static struct region *region_of_node(struct rb_node *node)
{
    return node ? rb_entry(node, struct region, node) : NULL;
}

struct region *region_create(struct address_space *space, const struct region *model)
{
    struct region *region = space->spare_region;
    space->spare_region = NULL;
    if (!region)
        region = object_allocate(&region_cache);
    if (!region)
        return NULL;
    *region = *model; // the node too: the tree sets it
    if (region->object)
        region->object->operations->reference(region->object);
    return region;
}

void region_destroy(struct address_space *space, struct region *region)
{
    if (region->object)
        region->object->operations->release(region->object);
    if (space->spare_region)
        object_release(&region_cache, region);
    else
        space->spare_region = region;
}

void region_release_spare(struct address_space *space)
{
    if (space->spare_region)
        object_release(&region_cache, space->spare_region);
    space->spare_region = NULL;
}

void region_insert_after(struct address_space *space, struct region *region, struct region *below)
{
    kassert(region->start < region->end && region->end <= USER_ADDRESS_LIMIT);
    kassert(!below || below->end <= region->start);
    rb_insert_after(&space->regions, &region->node, below ? &below->node : NULL);
    space->region_count++;
    space->mapped_pages += region_page_count(region);
}

void region_insert(struct address_space *space, struct region *region)
{
    region_insert_after(space, region, region_locate(space, region->start).below);
}

void region_remove(struct address_space *space, struct region *region)
{
    rb_remove(&space->regions, &region->node);
    space->region_count--;
    space->mapped_pages -= region_page_count(region);
    region_destroy(space, region);
}

void region_shorten(struct address_space *space, struct region *region, uint64_t start,
                    uint64_t end)
{
    if (start == region->start && end == region->end) {
        region_remove(space, region);
        return;
    }
    space->mapped_pages -= (end - start) / PAGE_SIZE;
    if (end == region->end) {
        region->end = start;
        return;
    }
    if (region->object)
        region->object_page += (end - start) / PAGE_SIZE;
    region->start = end;
}

struct region *region_take_first(struct address_space *space)
{
    struct region *region = region_of_node(rb_take_first(&space->regions));
    if (region) {
        space->region_count--;
        space->mapped_pages -= region_page_count(region);
    }
    return region;
}

struct region_place region_locate(const struct address_space *space, uint64_t address)
{
    struct region_place place = { NULL, NULL };
    for (struct rb_node *node = space->regions.root; node;) {
        struct region *region = rb_entry(node, struct region, node);
        if (address < region->start) {
            place.above = region;
            node = node->left;
        } else {
            place.below = region;
            node = node->right;
        }
    }
    return place;
}

struct region *region_find(const struct address_space *space, uint64_t address)
{
    struct rb_node *node = space->regions.root;
    while (node) {
        struct region *region = rb_entry(node, struct region, node);
        if (address < region->start)
            node = node->left;
        else if (address >= region->end)
            node = node->right;
        else
            return region;
    }
    return NULL;
}

struct region *region_find_from(const struct address_space *space, uint64_t address)
{
    struct region_place place = region_locate(space, address);
    return place.below && address < place.below->end ? place.below : place.above;
}

struct region *region_first(const struct address_space *space)
{
    return region_of_node(rb_first(&space->regions));
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
    struct region *upper = region_create(space, lower);
    if (!upper)
        return -ENOMEM;
    upper->start = address;
    if (upper->object)
        upper->object_page += (address - lower->start) / PAGE_SIZE;
    lower->end = address;
    space->mapped_pages -= region_page_count(upper);
    region_insert_after(space, upper, lower);
    return 0;
}

int region_isolate(struct address_space *space, uint64_t start, uint64_t end)
{
    int error = split_at(space, start);
    if (error)
        return error;
    error = split_at(space, end);
    if (!error && space->region_count > REGION_LIMIT)
        error = -ENOMEM;
    if (error)
        region_join(space, start, end);
    return error;
}

static bool can_join(const struct region *low, const struct region *high)
{
    if (low->end != high->start || low->kind != high->kind || low->object != high->object)
        return false;
    return !low->object || low->object_page + region_page_count(low) == high->object_page;
}

// Gives all of `high` to `low`, which ends where it starts.
never_inlined static void absorb(struct address_space *space, struct region *low,
                                 struct region *high)
{
    low->end = high->end;
    low->populated |= high->populated;
    space->mapped_pages += region_page_count(high); // which its removal takes off
    region_remove(space, high);
}

bool region_extend(struct address_space *space, struct region_place place,
                   const struct region *model)
{
    if (place.below && can_join(place.below, model)) {
        place.below->end = model->end;
        space->mapped_pages += region_page_count(model);
        if (place.above && can_join(place.below, place.above))
            absorb(space, place.below, place.above);
        return true;
    }
    if (!place.above || !can_join(model, place.above))
        return false;
    place.above->start = model->start;
    place.above->object_page = model->object_page;
    space->mapped_pages += region_page_count(model);
    return true;
}

void region_join(struct address_space *space, uint64_t start, uint64_t end)
{
    struct region *region = region_find_from(space, start);
    for (uint32_t seen = 1; region && region->start <= end; seen++) {
        struct region *previous = region_previous(region);
        if (previous && can_join(previous, region)) {
            absorb(space, previous, region);
            region = previous;
        }
        if (seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
        region = region_next(region);
    }
}
