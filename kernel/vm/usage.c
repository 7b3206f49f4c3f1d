// Counting the pages of an address space by what they are. Called by /proc. A page that a write
// copied counts as the program's own, whatever its region maps.
#include "vm/usage.h"

#include "sched/scheduler.h"
#include "vm/pages.h"

static void count_page(const struct region *region, uint64_t entry,
                       struct address_space_usage *usage)
{
    const struct frame *frame = pages_entry_frame(entry);
    if (frame->use == FRAME_FILE)
        usage->resident_file++;
    else if (region->shared)
        usage->resident_shared++;
}

static void count_region(struct address_space *space, const struct region *region,
                         struct address_space_usage *usage)
{
    uint64_t pages = region_page_count(region);
    if (region->grows_down)
        usage->stack += pages;
    else if (region_is_data(region))
        usage->data += pages;
    if (!region->object && !region->shared)
        return; // nothing but the program's own
    struct page_walk walk;
    page_walk_begin(&walk, space, region->start, region->end);
    for (;;) {
        enum page_walk_step step = page_walk_next(&walk);
        if (step == PAGE_WALK_END)
            return;
        if (step == PAGE_WALK_PAGE)
            count_page(region, *walk.entry, usage);
        else
            preempt_point();
    }
}

void address_space_measure(struct address_space *space, struct address_space_usage *usage)
{
    *usage = (struct address_space_usage){ 0 };
    mutex_acquire(&space->mutex);
    for (struct region *region = region_first(space); region; region = region_next(region)) {
        count_region(space, region, usage);
        preempt_point();
    }
    usage->mapped = space->mapped_pages;
    usage->resident = atomic_load_explicit(&space->resident_pages, memory_order_relaxed);
    mutex_release(&space->mutex);
}
