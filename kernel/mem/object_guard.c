// Red zones, who took and gave back, and the quarantine (object_guard.h). An object with its guard:
// the payload, at least RED_MINIMUM bytes of red zone, the note at the end. Invariant: the note's
// state says whether the object is free; while it is, all before the note but the link is poison.
#include "mem/object_guard.h"

#include "debug/symbols.h"
#include "lib/panic.h"
#include "lib/string.h"

#define RED 0xb5u
#define RED_MINIMUM 16u
#define GUARD_ALIGNMENT 64u
#define STATE_FREE 0x66726565u
#define STATE_USED 0x75736564u
#define QUARANTINE_LIMIT 512u
#define SYMBOL_SIZE 80u

struct note {
    uint64_t taken_by, given_by; // code addresses; 0: nobody
    uint32_t size;               // of what may be used
    uint32_t state;
    uint64_t reserved;
};

// Guarded by the lock; a ring, oldest at `first`.
static struct {
    struct spinlock lock;
    uint32_t first, count;
    struct {
        struct object_cache *cache;
        struct free_object *object;
    } places[QUARANTINE_LIMIT];
} quarantine = { .lock = SPINLOCK_INIT("quarantine", LOCK_RANK_QUARANTINE) };

uint32_t object_guard_size(uint32_t payload_size)
{
    return (uint32_t)align_up(payload_size + RED_MINIMUM + sizeof(struct note), GUARD_ALIGNMENT);
}

uint32_t object_guard_free_bytes(const struct object_cache *cache)
{
    return cache->object_size - (uint32_t)sizeof(struct note);
}

static struct note *note_of(const struct object_cache *cache, const void *object)
{
    return (struct note *)((uintptr_t)object + object_guard_free_bytes(cache));
}

noreturn_function static void refuse(const struct object_cache *cache, const void *object,
                                     const char *what)
{
    const struct note *note = note_of(cache, object);
    char taken[SYMBOL_SIZE], given[SYMBOL_SIZE];

    symbols_format_return(taken, sizeof(taken), note->taken_by);
    symbols_format_return(given, sizeof(given), note->given_by);
    panic("cache %s: object %p (%u bytes) %s; taken by %s, given back by %s", cache->name,
          (void *)(uintptr_t)object, note->size, what, taken, given);
}

void object_guard_refuse(const struct object_cache *cache, const void *object)
{
    refuse(cache, object, "was written after its release");
}

void object_guard_init(const struct object_cache *cache, void *object)
{
    *note_of(cache, object) = (struct note){ .state = STATE_FREE };
}

static void paint(const struct object_cache *cache, void *object)
{
    uint32_t size = note_of(cache, object)->size;

    memset((char *)object + size, RED, object_guard_free_bytes(cache) - size);
}

void object_guard_take(const struct object_cache *cache, void *object, uint64_t place)
{
    struct note *note = note_of(cache, object);

    if (note->state != STATE_FREE)
        refuse(cache, object, "has another's bytes in its note: it was not free, or written to");
    *note = (struct note){ .taken_by = place, .size = cache->payload_size, .state = STATE_USED };
    paint(cache, object);
}

void object_guard_limit(const struct object_cache *cache, void *object, uint32_t size,
                        uint64_t place)
{
    struct note *note = note_of(cache, object);

    note->taken_by = place;
    note->size = size;
    paint(cache, object);
}

static void check_red_zone(const struct object_cache *cache, const void *object)
{
    const uint8_t *bytes = object;
    uint32_t end = object_guard_free_bytes(cache);

    for (uint32_t i = note_of(cache, object)->size; i < end; i++) {
        if (bytes[i] != RED)
            refuse(cache, object, "was written behind its end");
    }
}

void object_guard_put(const struct object_cache *cache, struct free_object *object, uint64_t place)
{
    struct note *note = note_of(cache, object);

    if (note->state == STATE_FREE)
        refuse(cache, object, "released twice");
    if (note->state != STATE_USED || note->size > cache->payload_size)
        refuse(cache, object, "has another's bytes in its note: it was written behind its end");
    check_red_zone(cache, object);
    note->given_by = place;
    note->state = STATE_FREE;
    object_poison(cache, object);
}

struct free_object *object_quarantine_swap(struct object_cache **cache, struct free_object *object)
{
    struct free_object *oldest = NULL;
    struct object_cache *cache_of_oldest = NULL;

    spinlock_acquire(&quarantine.lock);
    uint32_t place = (quarantine.first + quarantine.count) % QUARANTINE_LIMIT;
    if (quarantine.count == QUARANTINE_LIMIT) {
        oldest = quarantine.places[place].object;
        cache_of_oldest = quarantine.places[place].cache;
        quarantine.first = (quarantine.first + 1) % QUARANTINE_LIMIT;
    } else {
        quarantine.count++;
    }
    quarantine.places[place].object = object;
    quarantine.places[place].cache = *cache;
    spinlock_release(&quarantine.lock);
    *cache = cache_of_oldest;
    return oldest;
}

struct free_object *object_quarantine_take(struct object_cache **cache)
{
    struct free_object *oldest = NULL;

    spinlock_acquire(&quarantine.lock);
    if (quarantine.count > 0) {
        oldest = quarantine.places[quarantine.first].object;
        *cache = quarantine.places[quarantine.first].cache;
        quarantine.first = (quarantine.first + 1) % QUARANTINE_LIMIT;
        quarantine.count--;
    }
    spinlock_release(&quarantine.lock);
    return oldest;
}
