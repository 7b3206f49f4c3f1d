// Shared anonymous memory: a page tree with references. Made by map.c; after that only its
// operations are called, with some address space's mutex held. Several spaces may call at once, so
// the tree has a spinlock of its own.
#include "vm/shared_memory.h"

#include <stdatomic.h>

#include "abi/errno.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "mem/page_tree.h"
#include "sched/scheduler.h"

#define PAGES_PER_PREEMPT_POINT 256u

struct shared_memory {
    struct memory_object object;
    atomic_uint references;
    struct spinlock lock;
    struct page_tree pages; // guarded by lock
    uint64_t page_limit;    // one past the highest index in the tree; guarded by lock
};

static OBJECT_CACHE(shared_memory_cache, "shared_memory", struct shared_memory);

static struct shared_memory *memory_of_object(struct memory_object *object)
{
    return container_of(object, struct shared_memory, object);
}

static struct frame *find_page(struct shared_memory *memory, uint64_t index)
{
    spinlock_acquire(&memory->lock);
    struct frame *frame = page_tree_get(&memory->pages, index);
    if (frame)
        frame_reference(frame);
    spinlock_release(&memory->lock);
    return frame;
}

// Enters a fresh frame unless somebody else was faster. Takes over the caller's reference and
// returns one of the frame that is in the tree.
static struct frame *enter_page(struct shared_memory *memory, uint64_t index, struct frame *fresh)
{
    struct frame *unused = NULL;
    spinlock_acquire(&memory->lock);
    struct frame *frame = page_tree_get(&memory->pages, index);
    if (frame) {
        unused = fresh;
    } else if (page_tree_put(&memory->pages, index, fresh) == 0) {
        frame = fresh;
        memory->page_limit = max_of(memory->page_limit, index + 1);
    } else {
        unused = fresh;
    }
    if (frame)
        frame_reference(frame);
    spinlock_release(&memory->lock);
    if (unused)
        frame_release(unused);
    return frame;
}

static struct frame *get_page(struct memory_object *object, uint64_t index, int *error)
{
    struct shared_memory *memory = memory_of_object(object);
    struct frame *frame = find_page(memory, index);
    if (frame)
        return frame;
    frame = frame_allocate_zeroed(FRAME_ANONYMOUS); // outside the lock: zeroing takes a while
    if (frame)
        frame = enter_page(memory, index, frame);
    if (!frame)
        *error = -ENOMEM;
    return frame;
}

static void reference_memory(struct memory_object *object)
{
    atomic_fetch_add_explicit(&memory_of_object(object)->references, 1, memory_order_relaxed);
}

static void release_memory(struct memory_object *object)
{
    struct shared_memory *memory = memory_of_object(object);
    uint32_t before = atomic_fetch_sub_explicit(&memory->references, 1, memory_order_acq_rel);
    kassert(before != 0);
    if (before != 1)
        return;
    while (memory->pages.page_count > 0) { // from the end, a few at a time
        memory->page_limit -= min_of(memory->page_limit, (uint64_t)PAGES_PER_PREEMPT_POINT);
        page_tree_truncate(&memory->pages, memory->page_limit);
        preempt_point();
    }
    page_tree_truncate(&memory->pages, 0);
    object_release(&shared_memory_cache, memory);
}

static size_t describe_memory(struct memory_object *object, char *buffer, size_t size)
{
    static const char name[] = "/dev/zero (deleted)"; // as Linux calls it
    string_copy(buffer, name, size);
    return strnlen(buffer, size);
}

static const struct memory_object_operations shared_memory_operations = {
    .get_page = get_page,
    .reference = reference_memory,
    .release = release_memory,
    .describe = describe_memory,
};

struct memory_object *shared_memory_create(void)
{
    struct shared_memory *memory = object_allocate(&shared_memory_cache);
    if (!memory)
        return NULL;
    memory->object.operations = &shared_memory_operations;
    atomic_init(&memory->references, 1);
    spinlock_init(&memory->lock, "shared memory", LOCK_RANK_FS);
    return &memory->object;
}
