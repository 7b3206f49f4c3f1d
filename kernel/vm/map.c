// mmap, munmap, mprotect, madvise(MADV_DONTNEED) and brk on regions. Called by the system calls and
// by exec. Each takes the space's mutex; a failure leaves the regions as they were.
#include "abi/errno.h"
#include "cpu/frame.h"
#include "sched/scheduler.h"
#include "vm/pages.h"
#include "vm/placement.h"
#include "vm/shared_memory.h"

#define REGIONS_PER_PREEMPT_POINT 8u

never_inlined static int add_region(struct address_space *space, const struct region *model,
                                    struct region *below)
{
    if (space->region_count >= REGION_LIMIT)
        return -ENOMEM;
    struct region *region = region_create(space, model);
    if (!region)
        return -ENOMEM;
    region_insert_after(space, region, below);
    return 0;
}

// Puts `model` where something is already.
never_inlined static int replace_range(struct address_space *space, const struct region *model)
{
    uint64_t pages = region_page_count(model);
    pages -= placement_mapped_pages(space, model->start, model->end);
    if (!placement_is_within_limits(space, model, pages) || space->region_count >= REGION_LIMIT)
        return -ENOMEM;
    struct region *region = region_create(space, model);
    if (!region)
        return -ENOMEM;
    int error = pages_unmap(space, model->start, model->end);
    if (error) {
        region_destroy(space, region);
        return error;
    }
    region_insert(space, region);
    region_join(space, model->start, model->end);
    return 0;
}

// Puts `model`, whose range is free or is to be replaced, into the space; `place` is that of its
// start. Most often a neighbour just grows.
static inline int place_region(struct address_space *space, const struct region *model,
                               struct region_place place)
{
    if (!region_place_is_free(&place, model->start, model->end))
        return replace_range(space, model);
    if (!placement_is_within_limits(space, model, region_page_count(model)))
        return -ENOMEM;
    if (region_extend(space, place, model))
        return 0;
    return add_region(space, model, place.below);
}

// Chooses where `model` goes, sets its borders and puts it there; the start, or -errno.
inlined_always int64_t map_model(struct address_space *space, uint64_t hint, uint64_t length,
                                 uint32_t flags, struct region *model)
{
    struct region_place place;
    mutex_acquire(&space->mutex);
    int64_t start = placement_choose(space, hint, length, flags, &place);
    if (start >= 0) {
        model->start = (uint64_t)start;
        model->end = model->start + length;
        int error = place_region(space, model, place);
        if (error)
            start = error;
    }
    mutex_release(&space->mutex);
    return start;
}

never_inlined static int64_t map_shared_memory(struct address_space *space, uint64_t hint,
                                               uint64_t length, uint32_t flags,
                                               struct region *model)
{
    model->object = shared_memory_create();
    if (!model->object)
        return -ENOMEM;
    int64_t start = map_model(space, hint, length, flags, model);
    model->object->operations->release(model->object); // the region has its own reference
    return start;
}

int64_t address_space_map(struct address_space *space, uint64_t hint, uint64_t length,
                          uint32_t protection, uint32_t flags, struct memory_object *object,
                          uint64_t object_page)
{
    if (length == 0)
        return -EINVAL;
    if (length > USER_ADDRESS_LIMIT)
        return -ENOMEM;
    length = align_up(length, PAGE_SIZE);
    uint64_t last_page = UINT64_MAX / PAGE_SIZE;
    if (object && (object_page > last_page || length / PAGE_SIZE > last_page - object_page))
        return -EOVERFLOW;
    bool shared = flags & MAP_IS_SHARED;
    bool takes_memory = (protection & PROTECTION_WRITE) && !(object && shared);
    if (takes_memory && !(flags & MAP_UNRESERVED) && !placement_is_plausible(length))
        return -ENOMEM;

    struct region model; // its borders are chosen later, its node is the tree's
    model.kind = 0;
    model.protection = protection & (PROTECTION_READ | PROTECTION_WRITE | PROTECTION_EXECUTE);
    model.shared = shared;
    model.grows_down = (flags & MAP_GROWS_DOWN) && !object && !shared;
    model.never_writable = flags & MAP_NEVER_WRITABLE;
    model.populated = false;
    model.object = object;
    model.object_page = object_page;
    return shared && !object ? map_shared_memory(space, hint, length, flags, &model)
                             : map_model(space, hint, length, flags, &model);
}

int address_space_unmap(struct address_space *space, uint64_t start, uint64_t length)
{
    if (start % PAGE_SIZE || length == 0 || start > USER_ADDRESS_LIMIT ||
        length > USER_ADDRESS_LIMIT - start)
        return -EINVAL;
    mutex_acquire(&space->mutex);
    int error = pages_unmap(space, start, align_up(start + length, PAGE_SIZE));
    mutex_release(&space->mutex);
    return error;
}

// May every region of [start, end) have this protection?
static int check_protection(const struct address_space *space, uint64_t start, uint64_t end,
                            uint32_t protection)
{
    if (!region_range_is_mapped(space, start, end))
        return -ENOMEM;
    if (!(protection & PROTECTION_WRITE))
        return 0;
    uint32_t seen = 0;
    for (const struct region *region = region_find_from(space, start);
         region && region->start < end; region = region_next(region)) {
        if (region->never_writable)
            return -EACCES;
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    return 0;
}

static int protect_range(struct address_space *space, uint64_t start, uint64_t end,
                         uint32_t protection)
{
    int error = check_protection(space, start, end, protection);
    if (!error && (protection & PROTECTION_WRITE) && !placement_may_be_writable(space, start, end))
        error = -ENOMEM;
    if (!error)
        error = region_isolate(space, start, end);
    if (error)
        return error;
    uint32_t seen = 0;
    for (struct region *region = region_find_from(space, start); region && region->start < end;
         region = region_next(region)) {
        if (region->protection != protection) {
            region->protection = protection;
            pages_restrict(space, region, region->start, region->end);
        }
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    region_join(space, start, end);
    return 0;
}

int address_space_protect(struct address_space *space, uint64_t start, uint64_t length,
                          uint32_t protection)
{
    if (start % PAGE_SIZE)
        return -EINVAL;
    if (length == 0)
        return 0;
    if (start > USER_ADDRESS_LIMIT || length > USER_ADDRESS_LIMIT - start)
        return -ENOMEM;
    protection &= PROTECTION_READ | PROTECTION_WRITE | PROTECTION_EXECUTE;
    mutex_acquire(&space->mutex);
    int error = protect_range(space, start, align_up(start + length, PAGE_SIZE), protection);
    mutex_release(&space->mutex);
    return error;
}

int address_space_discard(struct address_space *space, uint64_t start, uint64_t length)
{
    if (start % PAGE_SIZE || length > UINT64_MAX - PAGE_SIZE || start + length < start)
        return -EINVAL;
    uint64_t end = align_up(start + length, PAGE_SIZE);
    if (end < start)
        return -EINVAL;
    mutex_acquire(&space->mutex);
    uint64_t mapped_to = start; // what lies below was looked at and had no hole
    uint32_t seen = 0;
    bool hole = false;
    for (struct region *region = region_find_from(space, start); region && region->start < end;
         region = region_next(region)) {
        hole = hole || region->start > mapped_to;
        mapped_to = min_of(region->end, end);
        pages_drop(space, max_of(region->start, start), mapped_to);
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    mutex_release(&space->mutex);
    return hole || mapped_to < end ? -ENOMEM : 0;
}

int address_space_find_hole(struct address_space *space, uint64_t start, uint64_t length)
{
    if (start >= USER_ADDRESS_LIMIT || length > USER_ADDRESS_LIMIT - start)
        return -ENOMEM;
    mutex_acquire(&space->mutex);
    bool is_mapped = region_range_is_mapped(space, start, start + length);
    mutex_release(&space->mutex);
    return is_mapped ? 0 : -ENOMEM;
}

// Moves the heap's end between page boundaries. False: refused.
static bool move_break(struct address_space *space, uint64_t old_end, uint64_t new_end)
{
    if (new_end < old_end)
        return pages_unmap(space, new_end, old_end) == 0;
    if (new_end == old_end)
        return true;
    if (!region_range_is_free(space, old_end, new_end) ||
        !placement_is_plausible(new_end - old_end))
        return false;
    struct region model = { .start = old_end,
                            .end = new_end,
                            .protection = PROTECTION_READ | PROTECTION_WRITE };
    return place_region(space, &model, region_locate(space, old_end)) == 0;
}

uint64_t address_space_set_break(struct address_space *space, uint64_t wanted)
{
    mutex_acquire(&space->mutex);
    if (wanted >= space->brk_start && wanted <= USER_ADDRESS_LIMIT && space->brk_start != 0 &&
        move_break(space, align_up(space->brk_end, PAGE_SIZE), align_up(wanted, PAGE_SIZE)))
        space->brk_end = wanted;
    uint64_t result = space->brk_end;
    mutex_release(&space->mutex);
    return result;
}
