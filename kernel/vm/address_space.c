// Address spaces as objects: creation, references, the end. Called by fork, exec and exit, and by
// whoever looks at a process from outside. The mutex inside guards everything else in the
// structure.
#include "vm/address_space.h"

#include "cpu/frame.h"
#include "lib/panic.h"
#include "mem/object_cache.h"
#include "mem/page_table.h"
#include "sched/scheduler.h"
#include "vm/pages.h"
#include "vm/region.h"

#define DEFAULT_STACK_LIMIT (8ull << 20)
#define DEFAULT_MMAP_GAP (128ull << 20) // between the top and the first mapping, for a stack
#define REGIONS_PER_PREEMPT_POINT 8u
#define TABLES_PER_PREEMPT_POINT 4u

static OBJECT_CACHE(space_cache, "address_space", struct address_space);
static struct address_space *(*current_lookup)(void);

struct address_space *address_space_create(void)
{
    struct address_space *space = object_allocate(&space_cache);
    if (!space)
        return NULL;
    if (!translation_init(&space->translation)) {
        object_release(&space_cache, space);
        return NULL;
    }
    atomic_init(&space->references, 1);
    mutex_init(&space->mutex, "address space", MUTEX_RANK_ADDRESS_SPACE);
    space->limit_pages = UINT64_MAX;
    space->data_limit_pages = UINT64_MAX;
    space->stack_limit = DEFAULT_STACK_LIMIT;
    space->mmap_top = USER_ADDRESS_LIMIT - DEFAULT_MMAP_GAP;
    return space;
}

void address_space_reference(struct address_space *space)
{
    uint32_t before = atomic_fetch_add_explicit(&space->references, 1, memory_order_relaxed);
    kassert(before != 0);
}

void address_space_release(struct address_space *space)
{
    uint32_t before = atomic_fetch_sub_explicit(&space->references, 1, memory_order_acq_rel);
    kassert(before != 0);
    if (before != 1)
        return;
    uint32_t seen = 0;
    preempt_point();
    translation_abandon(&space->translation); // now no CPU walks its tables any more
    mutex_acquire(&space->mutex); // nobody else can want it; what is called below asks for it
    for (struct region *region; (region = region_take_first(space));) {
        pages_drop_of(space, region, region->start, region->end);
        region_destroy(space, region);
        if (++seen % REGIONS_PER_PREEMPT_POINT == 0)
            preempt_point();
    }
    region_release_spare(space);
    mutex_release(&space->mutex);
    kassert(space->mapped_pages == 0 && atomic_load(&space->resident_pages) == 0);
    do
        preempt_point();
    while (!page_table_destroy_step(space->translation.root, TABLES_PER_PREEMPT_POINT));
    object_release(&space_cache, space);
}

static uint64_t limit_in_pages(uint64_t bytes)
{
    return bytes == UINT64_MAX ? UINT64_MAX : bytes / PAGE_SIZE;
}

void address_space_set_limits(struct address_space *space,
                              void (*read)(struct memory_limits *limits, void *context),
                              void *context)
{
    struct memory_limits limits;
    mutex_acquire(&space->mutex);
    read(&limits, context);
    space->limit_pages = limit_in_pages(limits.memory);
    space->data_limit_pages = limit_in_pages(limits.data);
    space->stack_limit = limits.stack;
    mutex_release(&space->mutex);
}

void address_space_visit(struct address_space *space, region_visit visit, void *context)
{
    mutex_acquire(&space->mutex);
    for (struct region *region = region_first(space); region; region = region_next(region))
        visit(region, context);
    mutex_release(&space->mutex);
}

uint64_t address_spaces_live(void)
{
    return object_cache_live(&space_cache);
}

struct address_space *current_address_space(void)
{
    return current_lookup ? current_lookup() : NULL;
}

void address_space_set_current_lookup(struct address_space *(*lookup)(void))
{
    current_lookup = lookup;
}
