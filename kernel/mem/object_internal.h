// Between object_cache.c (hands objects out and takes them back), object_slab.c (the slabs) and
// memory.c, which finds the cache of any object.
// Nobody else includes this.
#pragma once

#include "lib/protection.h"
#include "mem/frame.h"
#include "mem/object_cache.h"

// frame.slab: the number of the cache, in every frame of a slab; below it, in the first one, the
// objects in use, which the cache's lock guards. The number is read without it.
#define SLAB_USED_BITS 9u
#define SLAB_OBJECT_LIMIT ((1u << SLAB_USED_BITS) - 1)
#define CACHE_LIMIT (1u << (16 - SLAB_USED_BITS)) // number 0 is not used
#define OBJECT_POISON 0x6b6b6b6b6b6b6b6bull

// A free object: the link, then poison in debug builds.
struct free_object {
    struct free_object *next;
    uint64_t poison[];
};

static inline uint32_t slab_cache_number(const struct frame *frame)
{
    return __atomic_load_n(&frame->slab, __ATOMIC_RELAXED) >> SLAB_USED_BITS;
}
static inline uint32_t slab_used(const struct frame *slab)
{
    return slab->slab & SLAB_OBJECT_LIMIT;
}
static inline void slab_count_used(struct frame *slab, int32_t change)
{
    __atomic_store_n(&slab->slab, (uint16_t)(slab->slab + change), __ATOMIC_RELAXED);
}

uint32_t object_guard_free_bytes(const struct object_cache *cache);
static inline uint32_t poison_words(const struct object_cache *cache)
{
    return (SANITIZER ? object_guard_free_bytes(cache) : cache->object_size) / 8 - 1;
}
void object_poison(const struct object_cache *cache, struct free_object *object);

// Sizes of slabs and magazines, from the size of an object.
void object_slab_choose(struct object_cache *cache);
// The slab of an object that is not in its list; panics when it is no object of the cache.
struct frame *object_slab_of(const struct object_cache *cache, const void *object);
// These take the lock. Takes up to `limit` free objects, linked; returns how many.
uint32_t object_slabs_take(struct object_cache *cache, uint32_t limit, struct free_object **first);
// Puts linked objects back, frees slabs that are not to be kept.
void object_slabs_put(struct object_cache *cache, struct free_object *first);
// An object of a new slab; NULL: no memory.
struct free_object *object_slabs_grow(struct object_cache *cache);
bool object_slab_has_free(struct object_cache *cache, const struct free_object *object);
// Frees the slabs that are kept for reuse.
void object_slabs_drain(struct object_cache *cache);
