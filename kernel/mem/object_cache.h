// Object caches (slabs) for fixed-size kernel objects, with exact live counts, and a small general
// allocator on top. Objects come zeroed. Waits as frames do (frame.h); out of memory is NULL. Freed
// objects are poisoned in debug builds and checked when handed out again. Some lie ready at each
// CPU, without a lock; for the rest there is one per cache, taken inside.
#pragma once

#include <stdatomic.h>

#include "cpu/percpu.h"
#include "cpu/spinlock.h"
#include "lib/list.h"
#include "lib/types.h"

struct object_cache {
    struct spinlock lock;
    const char *name;
    uint32_t object_size;  // rounded up to 16 bytes, or with its guard
    uint32_t payload_size; // without
    uint32_t objects_per_slab;
    uint32_t slab_order;
    struct list_node partial; // slabs with free and used objects
    struct list_node empty;   // slabs kept for reuse
    uint32_t empty_count;
    uint32_t number;         // in the table of all caches; the slabs' frames carry it
    uint32_t magazine_limit; // objects that go between a CPU and the slabs at once
    _Atomic(int64_t) live;   // objects in use, as far as no CPU's magazine has counted them
    uint64_t slab_count;
    atomic_bool ready;
};

// Static definition; the cache sets itself up at first use.
#define OBJECT_CACHE(variable, cache_name, type)                                                   \
    struct object_cache variable = { .lock = SPINLOCK_INIT(cache_name, LOCK_RANK_CACHE),           \
                                     .name = (cache_name),                                         \
                                     .object_size = sizeof(type) }

must_check void *object_allocate(struct object_cache *cache);
void object_release(struct object_cache *cache, void *object);
// Objects in use. Exact while nobody takes or gives back one; otherwise of about now.
uint64_t object_cache_live(const struct object_cache *cache);
// Gives a CPU other than the first room for free objects, for good, before it runs. Without, it
// takes the lock for each object. False: no memory.
must_check bool object_magazines_prepare(struct percpu *cpu);
// The cache of that number; NULL when there is none.
struct object_cache *object_cache_by_number(uint32_t number);

// Any size up to 4 MiB, zeroed, 16-byte aligned (page-aligned from one page on).
must_check void *memory_allocate(size_t size);
void memory_release(void *memory); // NULL is fine
// A copy of a string; NULL when there is no memory.
must_check char *memory_duplicate_string(const char *text);

// Takes back what lies ready at the CPUs and frees every empty slab; returns the frames given back.
// Thread context, interrupts on, no spinlock held.
uint64_t object_caches_drain(void);
// Calls back with each cache's name, live objects and slabs. The cache lock is not held.
typedef void (*object_cache_visit)(const char *name, uint64_t live, uint64_t slabs, void *context);
void object_caches_visit(object_cache_visit visit, void *context);
uint64_t object_caches_live(void); // test aid: sum over all caches
