// Object caches and the general allocator: contents, exact counts, poison, misuse, memory's end.
#include <stdlib.h>
#include <string.h>

#include "lib/protection.h"
#include "machine.h"
#include "mem/object_cache.h"
#include "test.h"

#define MEMORY (64 * MIB)
#define OBJECTS 3000u

struct sample {
    uint64_t words[13];
};

static OBJECT_CACHE(samples, "samples", struct sample);
static OBJECT_CACHE(others, "others", struct sample);

static bool is_zero(const void *memory, size_t size)
{
    const uint8_t *bytes = memory;

    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void fill(struct sample *object, uint64_t value)
{
    for (size_t i = 0; i < ARRAY_SIZE(object->words); i++)
        object->words[i] = value;
}

static void check_filled(const struct sample *object, uint64_t value)
{
    for (size_t i = 0; i < ARRAY_SIZE(object->words); i++)
        CHECK_EQUAL(object->words[i], value);
}

TEST(cache_torture_against_model)
{
    static struct sample *objects[OBJECTS];
    uint64_t live = 0, free_at_start;

    machine_start(MEMORY);
    free_at_start = machine_free_frames();
    for (uint32_t round = 0; round < 60000; round++) {
        uint64_t i = random_below(OBJECTS);
        if (objects[i] == NULL) {
            objects[i] = object_allocate(&samples);
            CHECK(objects[i] != NULL && (uint64_t)objects[i] % 16 == 0);
            CHECK(is_zero(objects[i], sizeof(struct sample)));
            fill(objects[i], i);
            live++;
        } else {
            check_filled(objects[i], i);
            object_release(&samples, objects[i]);
            objects[i] = NULL;
            live--;
        }
        CHECK_EQUAL(object_cache_live(&samples), live);
    }
    CHECK_EQUAL(object_caches_live(), live);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        if (objects[i] != NULL)
            object_release(&samples, objects[i]);
    }
    CHECK_EQUAL(object_caches_live(), 0);
    // A few slabs are kept, and those of which objects lie ready at the CPU.
    CHECK(samples.slab_count > 0 && samples.slab_count <= 4 + 2 * samples.magazine_limit);
    uint64_t kept = samples.slab_count;
    CHECK_EQUAL(object_caches_drain(), kept << samples.slab_order);
    CHECK_EQUAL(samples.slab_count, 0);
    CHECK_EQUAL(machine_free_frames(), free_at_start);
}

TEST(cache_geometry)
{
    static struct object_cache caches[100];
    uint32_t count = 0;

    machine_start(MEMORY);
    for (uint32_t size = 1; size <= 300000 && count < ARRAY_SIZE(caches); size += size / 8 + 1) {
        struct object_cache *cache = &caches[count++];
        *cache = (struct object_cache){ .lock = SPINLOCK_INIT("sized", LOCK_RANK_CACHE),
                                        .name = "sized",
                                        .object_size = size };
        char *object = object_allocate(cache);
        CHECK(object != NULL && is_zero(object, size));
        memset(object, 0xff, size);
        uint64_t bytes = PAGE_SIZE << cache->slab_order;
        CHECK(cache->objects_per_slab >= 4);
        CHECK((bytes - cache->objects_per_slab * (uint64_t)cache->object_size) * 8 < bytes);
        CHECK_EQUAL(cache->object_size, align_up(size, 16));
        object_release(cache, object);
    }
    CHECK_EQUAL(object_caches_live(), 0);
}

TEST(cache_write_after_release_is_noticed)
{
    machine_start(MEMORY);
    struct sample *object = object_allocate(&samples);
    object_release(&samples, object);
    object->words[12] ^= 1;
    if (DEBUG_CHECKS)
        CHECK_PANICS((void)object_allocate(&samples), "cache samples: object");
}

TEST(cache_poisons_what_is_released)
{
    machine_start(MEMORY);
    struct sample *object = object_allocate(&samples);
    fill(object, 0x1122334455667788);
    object_release(&samples, object);
    for (size_t i = 0; DEBUG_CHECKS && i < ARRAY_SIZE(object->words); i++)
        CHECK(object->words[i] != 0x1122334455667788);
}

TEST(cache_double_release_panics)
{
    machine_start(MEMORY);
    struct sample *first = object_allocate(&samples), *second = object_allocate(&samples);
    CHECK(first != second);
    object_release(&samples, first);
    if (DEBUG_CHECKS)
        CHECK_PANICS(object_release(&samples, first), "released twice");
}

// A program may fill a buffer with the poison's bytes; releasing that is no mistake.
TEST(cache_object_may_hold_the_poison_pattern)
{
    machine_start(MEMORY);
    struct sample *object = object_allocate(&samples), *other = object_allocate(&samples);
    memset(object, 0x6b, sizeof(*object));
    object_release(&samples, other);
    object_release(&samples, object);
    CHECK_EQUAL(object_cache_live(&samples), 0);
}

TEST(cache_release_to_another_cache_panics)
{
    machine_start(MEMORY);
    struct sample *object = object_allocate(&samples), *other = object_allocate(&others);
    CHECK(other != NULL);
    CHECK_PANICS(object_release(&others, object), "cache others");
}

TEST(cache_release_of_the_middle_panics)
{
    machine_start(MEMORY);
    struct sample *object = object_allocate(&samples);
    CHECK_PANICS(object_release(&samples, &object->words[2]), "not one of its objects");
}

TEST(cache_without_memory)
{
    machine_start(MEMORY);
    machine_exhaust();
    CHECK(object_allocate(&samples) == NULL);
    CHECK(memory_allocate(100) == NULL);
    CHECK(memory_allocate(10000) == NULL);
    CHECK(memory_duplicate_string("text") == NULL);
    CHECK_EQUAL(object_caches_live(), 0);
    machine_give_back(1);
    struct sample *object = object_allocate(&samples);
    CHECK(object != NULL);
    object_release(&samples, object);
}

static void sum_visits(const char *name, uint64_t live, uint64_t slabs, void *context)
{
    uint64_t *found = context;

    if (strcmp(name, "samples") == 0)
        found[0] += live * 100 + slabs;
    if (strcmp(name, "others") == 0)
        found[1] += live * 100 + slabs;
}

TEST(cache_visit_reports)
{
    uint64_t found[2] = { 0, 0 };

    machine_start(MEMORY);
    CHECK(object_allocate(&samples) != NULL && object_allocate(&samples) != NULL);
    CHECK(object_allocate(&others) != NULL);
    object_caches_visit(sum_visits, found);
    CHECK_EQUAL(found[0], 201);
    CHECK_EQUAL(found[1], 101);
    CHECK_EQUAL(object_caches_live(), 3);
    CHECK(object_cache_by_number(samples.number) == &samples);
    CHECK(object_cache_by_number(0) == NULL && object_cache_by_number(127) == NULL &&
          object_cache_by_number(128) == NULL);
}

TEST(memory_every_size)
{
    uint64_t free_at_start;

    machine_start(MEMORY);
    free_at_start = machine_free_frames();
    for (size_t size = 0; size <= 5000; size++) {
        char *memory = memory_allocate(size);
        CHECK(memory != NULL && is_zero(memory, size));
        CHECK_EQUAL((uint64_t)memory % (size >= PAGE_SIZE ? PAGE_SIZE : 16), 0);
        memset(memory, 0xee, size);
        memory_release(memory);
    }
    for (size_t size = 8192; size <= 4 * MIB; size += size / 3) {
        char *memory = memory_allocate(size);
        CHECK(memory != NULL && (uint64_t)memory % PAGE_SIZE == 0 && is_zero(memory, size));
        memset(memory, 0xee, size);
        memory_release(memory);
    }
    CHECK(memory_allocate(4 * MIB + 1) == NULL);
    CHECK(memory_allocate(SIZE_MAX) == NULL);
    memory_release(NULL);
    object_caches_drain();
    CHECK_EQUAL(machine_free_frames(), free_at_start);
}

TEST(memory_torture)
{
    static struct {
        uint8_t *memory;
        size_t size;
    } slots[500];
    uint64_t free_at_start;

    machine_start(MEMORY);
    free_at_start = machine_free_frames();
    for (uint32_t round = 0; round < 20000; round++) {
        uint64_t i = random_below(ARRAY_SIZE(slots));
        if (slots[i].memory == NULL) {
            slots[i].size = random_below(1u << random_below(15)) + 1;
            slots[i].memory = memory_allocate(slots[i].size);
            CHECK(slots[i].memory != NULL && is_zero(slots[i].memory, slots[i].size));
            memset(slots[i].memory, (int)i | 1, slots[i].size);
        } else {
            CHECK_EQUAL(slots[i].memory[0], (uint8_t)(i | 1));
            CHECK_EQUAL(slots[i].memory[slots[i].size - 1], (uint8_t)(i | 1));
            memory_release(slots[i].memory);
            slots[i].memory = NULL;
        }
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(slots); i++)
        memory_release(slots[i].memory);
    CHECK_EQUAL(object_caches_live(), 0);
    object_caches_drain();
    CHECK_EQUAL(machine_free_frames(), free_at_start);
}

TEST(memory_strings)
{
    machine_start(MEMORY);
    char *copy = memory_duplicate_string("a text");
    CHECK_TEXT(copy, "a text");
    memory_release(copy);
    copy = memory_duplicate_string("");
    CHECK_TEXT(copy, "");
    memory_release(copy);
    CHECK_EQUAL(object_caches_live(), 0);
}

TEST(memory_release_of_an_object_panics)
{
    machine_start(MEMORY);
    void *object = object_allocate(&samples);
    CHECK_PANICS(memory_release(object), "assertion");
}

TEST(memory_release_inside_a_block_panics)
{
    machine_start(MEMORY);
    char *memory = memory_allocate(2 * PAGE_SIZE);
    CHECK_PANICS(memory_release(memory + 16), "assertion");
}
