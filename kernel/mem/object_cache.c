// Object caches. A slab is one block of frames; its head descriptor holds the free list, which runs
// through the free objects themselves, and the count of used ones. A slab is on the cache's list
// `partial`, on `empty`, or, when full, on none. Slabs are built and objects are zeroed, poisoned
// and checked outside the lock.
#include "mem/object_cache.h"

#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"

#define CACHE_LIMIT 128u       // frame.slab_cache has seven bits; number 0 is not used
#define SLAB_OBJECT_LIMIT 511u // frame.slab_used has nine
#define EMPTY_SLAB_LIMIT 4u    // kept for reuse until drained
#define OBJECT_ALIGNMENT 16u
#define OBJECTS_WANTED 4u // in a slab, at least
#define OBJECT_POISON 0x6b6b6b6b6b6b6b6bull

// A free object: the link, then poison in debug builds.
struct free_object {
    struct free_object *next;
    uint64_t poison[];
};

static struct spinlock registry_lock = SPINLOCK_INIT("caches", LOCK_RANK_CACHE);
static uint32_t registered_count;                          // guarded by registry_lock
static struct object_cache *_Atomic registry[CACHE_LIMIT]; // entries are set once and stay

// The smallest slab with enough objects that wastes less than an eighth. Eight objects always do.
static void choose_slab_order(struct object_cache *cache)
{
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

// First use. Double-checked: `ready` is set last.
static void prepare_cache(struct object_cache *cache)
{
    if (likely(atomic_load_explicit(&cache->ready, memory_order_acquire)))
        return;
    spinlock_acquire(&registry_lock);
    if (!atomic_load_explicit(&cache->ready, memory_order_relaxed)) {
        kassert(registered_count + 1 < CACHE_LIMIT);
        cache->object_size = (uint32_t)align_up(cache->object_size, OBJECT_ALIGNMENT);
        choose_slab_order(cache);
        list_init(&cache->partial);
        list_init(&cache->empty);
        cache->number = ++registered_count;
        atomic_store_explicit(&registry[cache->number], cache, memory_order_release);
        atomic_store_explicit(&cache->ready, true, memory_order_release);
    }
    spinlock_release(&registry_lock);
}

static uint32_t poison_words(const struct object_cache *cache)
{
    return cache->object_size / 8 - 1;
}

static void poison_object(const struct object_cache *cache, struct free_object *object)
{
    memset(object->poison, (int)(OBJECT_POISON & 0xff), poison_words(cache) * 8);
}

static bool poison_is_intact(const struct object_cache *cache, const struct free_object *object)
{
    uint64_t difference = 0;

    for (uint32_t i = 0; i < poison_words(cache); i++)
        difference |= object->poison[i] ^ OBJECT_POISON;
    return difference == 0;
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
        slab[i].use = FRAME_CACHE;
        slab[i].slab_cache = cache->number & (CACHE_LIMIT - 1);
    }
    for (uint32_t i = cache->objects_per_slab; i > 0; i--) {
        struct free_object *object = (struct free_object *)((char *)frame_pointer(slab) +
                                                            (size_t)(i - 1) * cache->object_size);
        if (DEBUG_CHECKS)
            poison_object(cache, object);
        object->next = next;
        next = object;
    }
    slab->slab_free = next;
    slab->slab_used = 0;
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
    slab->slab_used++;
    if (slab->slab_used == cache->objects_per_slab)
        list_remove(&slab->link);
    cache->live++;
    return object;
}

static struct free_object *grow_and_pop(struct object_cache *cache)
{
    struct frame *slab = build_slab(cache);

    if (slab == NULL)
        return NULL;
    spinlock_acquire(&cache->lock);
    cache->slab_count++;
    list_append(&cache->partial, &slab->link);
    struct free_object *object = pop_object(cache);
    spinlock_release(&cache->lock);
    return object;
}

void *object_allocate(struct object_cache *cache)
{
    prepare_cache(cache);
    spinlock_acquire(&cache->lock);
    struct free_object *object = pop_object(cache);
    spinlock_release(&cache->lock);
    if (object == NULL)
        object = grow_and_pop(cache);
    if (object == NULL)
        return NULL;
    if (DEBUG_CHECKS && !poison_is_intact(cache, object))
        panic("cache %s: object %p was written after its release", cache->name, (void *)object);
    memset(object, 0, cache->object_size);
    return object;
}

static bool slab_has_free(const struct frame *slab, const struct free_object *object)
{
    for (const struct free_object *free = slab->slab_free; free != NULL; free = free->next) {
        if (free == object)
            return true;
    }
    return false;
}

// The slab of an object in use. The lock is not held: the caller owns an object, so the slab stays.
static struct frame *find_slab(const struct object_cache *cache, const void *object)
{
    uint64_t slab_bytes = PAGE_SIZE << cache->slab_order;
    uint32_t offset = (uint32_t)(((uint64_t)object - DIRECT_MAP_BASE) % slab_bytes);
    struct frame *slab = frame_of_pointer((const char *)object - offset);

    if (slab->use != FRAME_CACHE || slab->slab_cache != cache->number ||
        offset % cache->object_size != 0 || offset / cache->object_size >= cache->objects_per_slab)
        panic("cache %s: %p is not one of its objects", cache->name, (void *)object);
    return slab;
}

// Puts the object back. Returns the slab when it became empty and is not to be kept.
static struct frame *push_object(struct object_cache *cache, struct frame *slab,
                                 struct free_object *object)
{
    bool was_full = slab->slab_used == cache->objects_per_slab;

    object->next = slab->slab_free;
    slab->slab_free = object;
    slab->slab_used--;
    cache->live--;
    if (was_full)
        list_prepend(&cache->partial, &slab->link);
    if (slab->slab_used > 0)
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

void object_release(struct object_cache *cache, void *object)
{
    kassert(atomic_load_explicit(&cache->ready, memory_order_acquire));
    struct frame *slab = find_slab(cache, object);
    // An object may hold these bytes rightly, so the pattern alone is no proof.
    bool suspicious = DEBUG_CHECKS && poison_is_intact(cache, object);

    if (DEBUG_CHECKS && !suspicious)
        poison_object(cache, object);
    spinlock_acquire(&cache->lock);
    if (slab->slab_used == 0 || (suspicious && slab_has_free(slab, object)))
        panic("cache %s: object %p released twice", cache->name, object);
    struct frame *surplus = push_object(cache, slab, object);
    spinlock_release(&cache->lock);
    if (surplus != NULL)
        release_slab(cache, surplus);
}

struct object_cache *object_cache_by_number(uint32_t number)
{
    return number < CACHE_LIMIT ? atomic_load_explicit(&registry[number], memory_order_acquire)
                                : NULL;
}

static uint64_t drain_cache(struct object_cache *cache)
{
    uint64_t frames = 0;

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
            return frames;
        frames += 1ull << cache->slab_order;
        release_slab(cache, slab);
    }
}

uint64_t object_caches_drain(void)
{
    struct object_cache *cache;
    uint64_t frames = 0;

    for (uint32_t number = 1; (cache = object_cache_by_number(number)) != NULL; number++)
        frames += drain_cache(cache);
    return frames;
}

void object_caches_visit(object_cache_visit visit, void *context)
{
    struct object_cache *cache;

    for (uint32_t number = 1; (cache = object_cache_by_number(number)) != NULL; number++) {
        spinlock_acquire(&cache->lock);
        uint64_t live = cache->live, slabs = cache->slab_count;
        spinlock_release(&cache->lock);
        visit(cache->name, live, slabs, context);
    }
}

static void add_live(const char *name, uint64_t live, uint64_t slabs, void *context)
{
    *(uint64_t *)context += live;
}

uint64_t object_caches_live(void)
{
    uint64_t sum = 0;

    object_caches_visit(add_live, &sum);
    return sum;
}
