// SAN=1: every object of a cache has a red zone behind it and a note of who took it and who gave it
// back; what was given back is kept for a while before anybody gets it again. Other builds call
// nothing of this. For object_cache.c, object_slab.c and memory.c.
#pragma once

#include "mem/object_internal.h"

// What an object of so many bytes takes with its guard.
uint32_t object_guard_size(uint32_t payload_size);
// The bytes of an object that are poisoned while it is free, link included.
uint32_t object_guard_free_bytes(const struct object_cache *cache);
// A new slab's object, poisoned already.
void object_guard_init(const struct object_cache *cache, void *object);
// A free object becomes one in use, and back, poison included. Panics when its guard is not as it
// was left. `place`: who asked, a code address.
void object_guard_take(const struct object_cache *cache, void *object, uint64_t place);
void object_guard_put(const struct object_cache *cache, struct free_object *object, uint64_t place);
// An object in use is to be used up to `size` only.
void object_guard_limit(const struct object_cache *cache, void *object, uint32_t size,
                        uint64_t place);
// The object was written to while it was free.
noreturn_function void object_guard_refuse(const struct object_cache *cache, const void *object);

// Keeps a free object. Which one is to go in its place: *cache, or NULL: none so far.
must_check struct free_object *object_quarantine_swap(struct object_cache **cache,
                                                      struct free_object *object);
// Takes the oldest out; NULL: it is empty.
must_check struct free_object *object_quarantine_take(struct object_cache **cache);
