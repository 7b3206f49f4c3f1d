// In front of the kernel's allocators, by the linker's --wrap: passes everything on unless a case
// asked to watch.
#include "allocations.h"

#include <stdlib.h>
#include <string.h>

#include "mem/frame.h"
#include "mem/object_cache.h"
#include "test.h"

struct allocations allocations = { .fail_after = ALLOCATIONS_NEVER_FAIL };
static bool watching;

void *__real_object_allocate(struct object_cache *cache);
void __real_object_release(struct object_cache *cache, void *object);
void *__real_memory_allocate(size_t size);
void __real_memory_release(void *memory);
char *__real_memory_duplicate_string(const char *text);
struct frame *__real_frames_allocate(uint32_t order, enum frame_use use);
struct frame *__real_frame_allocate(enum frame_use use);
struct frame *__real_frame_allocate_zeroed(enum frame_use use);
struct frame *__real_frame_allocate_blank(enum frame_use use);

void allocations_watch(void)
{
    watching = true;
}

static bool allocation_fails(void)
{
    bool fails = allocations.fail_percent != 0 && random_below(100) < allocations.fail_percent;

    if (allocations.fail_after == 0) {
        fails = true;
        if (allocations.fail_once)
            allocations.fail_after = ALLOCATIONS_NEVER_FAIL;
    } else if (allocations.fail_after != ALLOCATIONS_NEVER_FAIL) {
        allocations.fail_after--;
    }
    allocations.failed |= fails;
    return fails;
}

static void *allocate(size_t size)
{
    if (allocation_fails())
        return NULL;
    allocations.live++;
    return calloc(1, size);
}

static void release(void *memory)
{
    if (memory == NULL)
        return;
    CHECK(allocations.live > 0);
    allocations.live--;
    free(memory);
}

void *__wrap_object_allocate(struct object_cache *cache)
{
    if (!watching)
        return __real_object_allocate(cache);
    void *object = allocate(cache->object_size);
    cache->live += object != NULL ? 1 : 0;
    return object;
}

void __wrap_object_release(struct object_cache *cache, void *object)
{
    if (!watching) {
        __real_object_release(cache, object);
        return;
    }
    CHECK(object != NULL && cache->live > 0);
    cache->live--;
    release(object);
}

void *__wrap_memory_allocate(size_t size)
{
    return watching ? allocate(size) : __real_memory_allocate(size);
}

void __wrap_memory_release(void *memory)
{
    if (watching)
        release(memory);
    else
        __real_memory_release(memory);
}

char *__wrap_memory_duplicate_string(const char *text)
{
    if (!watching)
        return __real_memory_duplicate_string(text);
    char *copy = allocate(strlen(text) + 1);
    return copy != NULL ? strcpy(copy, text) : NULL;
}

struct frame *__wrap_frames_allocate(uint32_t order, enum frame_use use)
{
    return watching && allocation_fails() ? NULL : __real_frames_allocate(order, use);
}

struct frame *__wrap_frame_allocate_zeroed(enum frame_use use)
{
    return watching && allocation_fails() ? NULL : __real_frame_allocate_zeroed(use);
}

struct frame *__wrap_frame_allocate_blank(enum frame_use use)
{
    return watching && allocation_fails() ? NULL : __real_frame_allocate_blank(use);
}

struct frame *__wrap_frame_allocate(enum frame_use use)
{
    return watching && allocation_fails() ? NULL : __real_frame_allocate(use);
}
