// Between object_cache.c (hands objects out and takes them back) and object_slab.c (the slabs).
// Nobody else includes this.
#pragma once

#include "mem/frame.h"
#include "mem/object_cache.h"

#define CACHE_LIMIT 128u // frame.slab_cache has seven bits; number 0 is not used
#define OBJECT_POISON 0x6b6b6b6b6b6b6b6bull

// A free object: the link, then poison in debug builds.
struct free_object {
    struct free_object *next;
    uint64_t poison[];
};

static inline uint32_t poison_words(const struct object_cache *cache)
{
    return cache->object_size / 8 - 1;
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
