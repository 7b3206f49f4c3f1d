// Object caches. A CPU takes and puts free objects in its magazine of the cache, which no other CPU
// touches; magazines are filled from the slabs and emptied into them (object_slab.c). What lies at
// other CPUs is asked for by IPI when memory ends. Objects are zeroed, poisoned and checked while
// nobody else has them. Invariant: an object that is not in use is in one slab's list or magazine.
#include "mem/object_cache.h"

#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "debug/fail.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/object_guard.h"

#define OBJECT_ALIGNMENT 16u

// One CPU's free objects of one cache, linked: taken from and put on the first list; the second is
// whole or empty, so that taking and putting in turns never needs more than the two.
struct object_magazine {
    struct free_object *loaded, *spare;
    uint32_t loaded_count;
    uint32_t reserved;
    int64_t live; // objects taken here less those put here
};

static struct object_magazine boot_magazines[CACHE_LIMIT]; // by the number of the cache

_Static_assert(sizeof(boot_magazines) == PAGE_SIZE, "a CPU's magazines fill a page");

static struct spinlock registry_lock = SPINLOCK_INIT("caches", LOCK_RANK_CACHE);
static uint32_t registered_count;                          // guarded by registry_lock
static struct object_cache *_Atomic registry[CACHE_LIMIT]; // entries are set once and stay

bool object_magazines_prepare(struct percpu *cpu)
{
    cpu->object_magazines = memory_allocate(sizeof(boot_magazines));
    atomic_store_explicit(&cpu->objects_ready, cpu->object_magazines != NULL, memory_order_release);
    return cpu->object_magazines != NULL;
}

// The first cache of all is prepared at boot.
static void prepare_boot_cpu(void)
{
    if (boot_percpu.object_magazines)
        return;
    boot_percpu.object_magazines = boot_magazines;
    atomic_store(&boot_percpu.objects_ready, true);
}

// First use. Double-checked: `ready` is set last.
never_inlined static void register_cache(struct object_cache *cache)
{
    spinlock_acquire(&registry_lock);
    if (!atomic_load_explicit(&cache->ready, memory_order_relaxed)) {
        kassert(registered_count + 1 < CACHE_LIMIT);
        prepare_boot_cpu();
        cache->payload_size = (uint32_t)align_up(cache->object_size, OBJECT_ALIGNMENT);
        cache->object_size =
            SANITIZER ? object_guard_size(cache->payload_size) : cache->payload_size;
        object_slab_choose(cache);
        list_init(&cache->partial);
        list_init(&cache->empty);
        cache->number = ++registered_count;
        atomic_store_explicit(&registry[cache->number], cache, memory_order_release);
        atomic_store_explicit(&cache->ready, true, memory_order_release);
    }
    spinlock_release(&registry_lock);
}

static bool poison_is_intact(const struct object_cache *cache, const struct free_object *object)
{
    uint64_t difference = 0;

    for (uint32_t i = 0; i < poison_words(cache); i++)
        difference |= object->poison[i] ^ OBJECT_POISON;
    return difference == 0;
}

never_inlined noreturn_function static void refuse_written(const struct object_cache *cache,
                                                           const struct free_object *object)
{
    if (SANITIZER)
        object_guard_refuse(cache, object);
    panic("cache %s: object %p was written after its release", cache->name, (void *)object);
}

// Only an interrupt can find them in use, and it ends before who uses them goes on.
static inline bool enter_magazines(struct percpu *cpu)
{
    if (unlikely(!atomic_load_explicit(&cpu->objects_ready, memory_order_relaxed)))
        return false;
    atomic_store_explicit(&cpu->objects_ready, false, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

static inline void leave_magazines(struct percpu *cpu)
{
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&cpu->objects_ready, true, memory_order_relaxed);
}

// For when the first list is empty.
never_inlined static void refill(struct object_cache *cache, struct object_magazine *magazine)
{
    if (magazine->spare) {
        magazine->loaded = magazine->spare;
        magazine->loaded_count = cache->magazine_limit;
        magazine->spare = NULL;
    } else {
        magazine->loaded_count = object_slabs_take(cache, cache->magazine_limit, &magazine->loaded);
    }
}

// For when the first list is full.
never_inlined static void make_room(struct object_cache *cache, struct object_magazine *magazine)
{
    if (magazine->spare)
        object_slabs_put(cache, magazine->spare);
    magazine->spare = magazine->loaded;
    magazine->loaded = NULL;
    magazine->loaded_count = 0;
}

static inline struct free_object *take_ready(struct object_cache *cache)
{
    struct percpu *cpu = this_cpu();

    if (!enter_magazines(cpu))
        return NULL;
    struct object_magazine *magazine = &cpu->object_magazines[cache->number];
    if (unlikely(!magazine->loaded))
        refill(cache, magazine);
    struct free_object *object = magazine->loaded;
    if (likely(object)) {
        magazine->loaded = object->next;
        magazine->loaded_count--;
        magazine->live++;
    }
    leave_magazines(cpu);
    return object;
}

struct return_call {
    struct object_cache *cache;
    atomic_bool busy;
};

// Interrupts are off.
static void hand_back(void *argument)
{
    struct return_call *call = argument;
    struct percpu *cpu = this_cpu();

    if (!cpu->object_magazines)
        return;
    if (!enter_magazines(cpu)) {
        atomic_store(&call->busy, true);
        return;
    }
    struct object_magazine *magazine = &cpu->object_magazines[call->cache->number];
    object_slabs_put(call->cache, magazine->loaded);
    object_slabs_put(call->cache, magazine->spare);
    magazine->loaded = magazine->spare = NULL;
    magazine->loaded_count = 0;
    leave_magazines(cpu);
}

// What lies at CPUs goes back to the slabs. Thread context, interrupts on.
static void reclaim_from_cpus(struct object_cache *cache)
{
    struct return_call call = { .cache = cache };

    do {
        atomic_store(&call.busy, false);
        ipi_call_all(hand_back, &call);
    } while (atomic_load(&call.busy));
}

static void empty_quarantine(void);

// Past the magazine. With interrupts off nobody else can be asked when memory ends: those who
// allocate in an interrupt or under a spinlock take no for an answer earlier than others.
never_inlined static struct free_object *find_object(struct object_cache *cache)
{
    struct free_object *object;

    if (object_slabs_take(cache, 1, &object) == 0)
        object = object_slabs_grow(cache);
    if (!object && interrupts_are_on()) {
        if (SANITIZER)
            empty_quarantine();
        reclaim_from_cpus(cache);
        (void)object_slabs_take(cache, 1, &object);
    }
    if (object)
        atomic_fetch_add_explicit(&cache->live, 1, memory_order_relaxed);
    return object;
}

void *object_allocate(struct object_cache *cache)
{
    if (unlikely(!atomic_load_explicit(&cache->ready, memory_order_acquire)))
        register_cache(cache);
    if (fail_here(FAIL_OBJECT))
        return NULL;
    struct free_object *object = take_ready(cache);
    if (unlikely(!object))
        object = find_object(cache);
    if (!object)
        return NULL;
    if (DEBUG_CHECKS && !poison_is_intact(cache, object))
        refuse_written(cache, object);
    if (SANITIZER)
        object_guard_take(cache, object, (uint64_t)__builtin_return_address(0));
    return memset(object, 0, cache->payload_size);
}

static bool list_has(const struct free_object *list, const struct free_object *object)
{
    while (list && list != object)
        list = list->next;
    return list != NULL;
}

// An object in use may hold the poison's bytes rightly, so the pattern alone is no proof. What lies
// at another CPU is not found here, but when it is handed out for the second time.
never_inlined static void check_release(struct object_cache *cache, struct free_object *object)
{
    struct percpu *cpu = this_cpu();

    if (!poison_is_intact(cache, object)) {
        object_poison(cache, object);
        return;
    }
    bool is_free = object_slab_has_free(cache, object);
    if (enter_magazines(cpu)) {
        const struct object_magazine *magazine = &cpu->object_magazines[cache->number];
        is_free |= list_has(magazine->loaded, object) || list_has(magazine->spare, object);
        leave_magazines(cpu);
    }
    if (is_free)
        panic("cache %s: object %p released twice", cache->name, (void *)object);
}

static void put_free(struct object_cache *cache, struct free_object *object)
{
    struct percpu *cpu = this_cpu();

    if (unlikely(!enter_magazines(cpu))) {
        object->next = NULL;
        atomic_fetch_sub_explicit(&cache->live, 1, memory_order_relaxed);
        object_slabs_put(cache, object);
        return;
    }
    struct object_magazine *magazine = &cpu->object_magazines[cache->number];
    if (unlikely(magazine->loaded_count >= cache->magazine_limit))
        make_room(cache, magazine);
    object->next = magazine->loaded;
    magazine->loaded = object;
    magazine->loaded_count++;
    magazine->live--;
    leave_magazines(cpu);
}

// Out of the quarantine, where it does not count as live any more.
static void put_oldest(struct object_cache *cache, struct free_object *object)
{
    if (!poison_is_intact(cache, object))
        refuse_written(cache, object);
    atomic_fetch_add_explicit(&cache->live, 1, memory_order_relaxed);
    put_free(cache, object);
}

static void put_into_quarantine(struct object_cache *cache, struct free_object *object)
{
    atomic_fetch_sub_explicit(&cache->live, 1, memory_order_relaxed);
    object = object_quarantine_swap(&cache, object);
    if (object)
        put_oldest(cache, object);
}

static void empty_quarantine(void)
{
    struct object_cache *cache;
    struct free_object *object;

    while ((object = object_quarantine_take(&cache)) != NULL)
        put_oldest(cache, object);
}

void object_release(struct object_cache *cache, void *memory)
{
    struct free_object *object = memory;

    kassert(atomic_load_explicit(&cache->ready, memory_order_acquire));
    (void)object_slab_of(cache, object);
    if (SANITIZER) {
        object_guard_put(cache, object, (uint64_t)__builtin_return_address(0));
        put_into_quarantine(cache, object);
        return;
    }
    if (DEBUG_CHECKS)
        check_release(cache, object);
    put_free(cache, object);
}

struct object_cache *object_cache_by_number(uint32_t number)
{
    return number < CACHE_LIMIT ? atomic_load_explicit(&registry[number], memory_order_acquire)
                                : NULL;
}

uint64_t object_cache_live(const struct object_cache *cache)
{
    int64_t live = atomic_load_explicit(&cache->live, memory_order_relaxed);
    const struct percpu *cpu;

    for_each_cpu(cpu)
    {
        if (cpu->object_magazines)
            live += __atomic_load_n(&cpu->object_magazines[cache->number].live, __ATOMIC_RELAXED);
    }
    return (uint64_t)max_of(live, 0ll); // taken there, put here, and not looked at at once
}

static uint64_t count_slabs(struct object_cache *cache)
{
    spinlock_acquire(&cache->lock);
    uint64_t count = cache->slab_count;
    spinlock_release(&cache->lock);
    return count;
}

uint64_t object_caches_drain(void)
{
    struct object_cache *cache;
    uint64_t frames = 0;

    if (SANITIZER)
        empty_quarantine();
    for (uint32_t number = 1; (cache = object_cache_by_number(number)) != NULL; number++) {
        uint64_t before = count_slabs(cache);
        reclaim_from_cpus(cache);
        object_slabs_drain(cache);
        frames += (before - count_slabs(cache)) << cache->slab_order;
    }
    return frames;
}

void object_caches_visit(object_cache_visit visit, void *context)
{
    struct object_cache *cache;

    for (uint32_t number = 1; (cache = object_cache_by_number(number)) != NULL; number++)
        visit(cache->name, object_cache_live(cache), count_slabs(cache), context);
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
