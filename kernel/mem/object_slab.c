// Slabs. One is a block of frames; its head descriptor holds the free list, which runs through the
// free objects themselves, and the count of others: those in use and those that lie ready at CPUs.
// A slab is on the cache's list `partial`, on `empty`, or, when full, on none. Built and freed
// outside the lock. Called by object_cache.c.
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/object_guard.h"

#define EMPTY_SLAB_LIMIT 4u // kept for reuse until drained
#define OBJECTS_WANTED 4u   // in a slab, at least
#define MAGAZINE_BYTES 2048u
#define MAGAZINE_LIMIT 16u
#define MAGAZINE_MINIMUM 2u

// The smallest slab with enough objects that wastes less than an eighth. Eight objects always do.
void object_slab_choose(struct object_cache *cache)
{
    uint32_t in_magazine = max_of(MAGAZINE_BYTES / cache->object_size, MAGAZINE_MINIMUM);

    cache->magazine_limit = min_of(in_magazine, MAGAZINE_LIMIT);
    for (uint32_t order = 0; order < FRAME_ORDER_LIMIT; order++) {
        uint32_t bytes = (uint32_t)PAGE_SIZE << order;
        uint32_t objects = bytes / cache->object_size;

        if (objects >= OBJECTS_WANTED && bytes % cache->object_size < bytes / 8) {
            kassert(objects <= SLAB_OBJECT_LIMIT);
            cache->slab_order = order;
            cache->objects_per_slab = objects;
            return;
        }
    }
    panic("cache %s: objects of %u bytes are too large", cache->name, cache->object_size);
}

void object_poison(const struct object_cache *cache, struct free_object *object)
{
    memset(object->poison, (int)(OBJECT_POISON & 0xff), poison_words(cache) * 8);
}

// A new slab with every object free; on no list yet.
static struct frame *build_slab(struct object_cache *cache)
{
    struct frame *slab = frames_allocate(cache->slab_order, FRAME_CACHE);
    struct free_object *next = NULL;

    if (slab == NULL)
        return NULL;
    // Every frame names the cache, so that an object is found to be one from any page of the slab.
    for (uint32_t i = 0; i < 1u << cache->slab_order; i++) {
        if (i > 0)
            slab[i].use = FRAME_CACHE;
        slab[i].slab = (uint16_t)(cache->number << SLAB_USED_BITS);
    }
    for (uint32_t i = cache->objects_per_slab; i > 0; i--) {
        struct free_object *object = (struct free_object *)((char *)frame_pointer(slab) +
                                                            (size_t)(i - 1) * cache->object_size);
        if (DEBUG_CHECKS)
            object_poison(cache, object);
        if (SANITIZER)
            object_guard_init(cache, object);
        object->next = next;
        next = object;
    }
    slab->slab_free = next;
    return slab;
}

static void release_slab(struct object_cache *cache, struct frame *slab)
{
    for (uint32_t i = 1; i < 1u << cache->slab_order; i++)
        slab[i].use = FRAME_FREE;
    frame_release(slab);
}

// An object from a slab that the cache has; NULL when all are full. The lock is held.
static struct free_object *pop_object(struct object_cache *cache)
{
    struct frame *slab;

    if (!list_is_empty(&cache->partial)) {
        slab = list_first(&cache->partial, struct frame, link);
    } else if (!list_is_empty(&cache->empty)) {
        slab = list_first(&cache->empty, struct frame, link);
        list_remove(&slab->link);
        cache->empty_count--;
        list_prepend(&cache->partial, &slab->link);
    } else {
        return NULL;
    }
    struct free_object *object = slab->slab_free;
    slab->slab_free = object->next;
    slab_count_used(slab, 1);
    if (slab_used(slab) == cache->objects_per_slab)
        list_remove(&slab->link);
    return object;
}

uint32_t object_slabs_take(struct object_cache *cache, uint32_t limit, struct free_object **first)
{
    struct free_object *object;
    uint32_t count = 0;

    *first = NULL;
    spinlock_acquire(&cache->lock);
    while (count < limit && (object = pop_object(cache)) != NULL) {
        object->next = *first;
        *first = object;
        count++;
    }
    spinlock_release(&cache->lock);
    return count;
}

struct free_object *object_slabs_grow(struct object_cache *cache)
{
    struct frame *slab = build_slab(cache);

    if (slab == NULL)
        return NULL;
    spinlock_acquire(&cache->lock);
    cache->slab_count++;
    list_prepend(&cache->partial, &slab->link); // the first is used: none of them is empty
    struct free_object *object = pop_object(cache);
    spinlock_release(&cache->lock);
    return object;
}

// No lock: who asks owns the object, so the slab stays.
struct frame *object_slab_of(const struct object_cache *cache, const void *object)
{
    uint64_t slab_bytes = PAGE_SIZE << cache->slab_order;
    uint32_t offset = (uint32_t)(((uint64_t)object - DIRECT_MAP_BASE) % slab_bytes);
    struct frame *slab = frame_of_pointer((const char *)object - offset);

    if (slab->use != FRAME_CACHE || slab_cache_number(slab) != cache->number ||
        offset % cache->object_size != 0 || offset / cache->object_size >= cache->objects_per_slab)
        panic("cache %s: %p is not one of its objects", cache->name, (void *)object);
    return slab;
}

bool object_slab_has_free(struct object_cache *cache, const struct free_object *object)
{
    const struct frame *slab = object_slab_of(cache, object);
    bool found = false;

    spinlock_acquire(&cache->lock);
    for (const struct free_object *free = slab->slab_free; free != NULL && !found;
         free = free->next)
        found = free == object;
    spinlock_release(&cache->lock);
    return found;
}

// Puts the object back. Returns the slab when it became empty and is not to be kept.
static struct frame *push_object(struct object_cache *cache, struct frame *slab,
                                 struct free_object *object)
{
    bool was_full = slab_used(slab) == cache->objects_per_slab;

    if (slab_used(slab) == 0)
        panic("cache %s: object %p released twice", cache->name, (void *)object);
    object->next = slab->slab_free;
    slab->slab_free = object;
    slab_count_used(slab, -1);
    if (was_full)
        list_prepend(&cache->partial, &slab->link);
    if (slab_used(slab) > 0)
        return NULL;
    list_remove(&slab->link);
    if (cache->empty_count == EMPTY_SLAB_LIMIT) {
        cache->slab_count--;
        return slab;
    }
    cache->empty_count++;
    list_prepend(&cache->empty, &slab->link);
    return NULL;
}

void object_slabs_put(struct object_cache *cache, struct free_object *first)
{
    struct list_node surplus;

    list_init(&surplus);
    spinlock_acquire(&cache->lock);
    while (first != NULL) {
        struct free_object *next = first->next;
        struct frame *slab = push_object(cache, object_slab_of(cache, first), first);
        if (slab != NULL)
            list_append(&surplus, &slab->link);
        first = next;
    }
    spinlock_release(&cache->lock);
    while (!list_is_empty(&surplus)) {
        struct frame *slab = list_first(&surplus, struct frame, link);
        list_remove(&slab->link);
        release_slab(cache, slab);
    }
}

void object_slabs_drain(struct object_cache *cache)
{
    for (;;) {
        struct frame *slab = NULL;

        spinlock_acquire(&cache->lock);
        if (!list_is_empty(&cache->empty)) {
            slab = list_first(&cache->empty, struct frame, link);
            list_remove(&slab->link);
            cache->empty_count--;
            cache->slab_count--;
        }
        spinlock_release(&cache->lock);
        if (slab == NULL)
            return;
        release_slab(cache, slab);
    }
}
