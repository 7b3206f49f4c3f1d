// The general allocator: power-of-two caches for small sizes, whole blocks of frames for large
// ones. Which of the two a pointer came from is told by its frame's descriptor.
#include "lib/panic.h"
#include "lib/string.h"
#include "mem/object_guard.h"

#define SMALLEST_SHIFT 4u // 16 bytes
#define LARGEST_SHIFT 11u // 2048 bytes

#define MEMORY_CACHE(size)                                                                         \
    {                                                                                              \
        .lock = SPINLOCK_INIT("memory-" #size, LOCK_RANK_CACHE), .name = "memory-" #size,          \
        .object_size = (size)                                                                      \
    }

static struct object_cache memory_caches[] = {
    MEMORY_CACHE(16),  MEMORY_CACHE(32),  MEMORY_CACHE(64),   MEMORY_CACHE(128),
    MEMORY_CACHE(256), MEMORY_CACHE(512), MEMORY_CACHE(1024), MEMORY_CACHE(2048),
};

_Static_assert(ARRAY_SIZE(memory_caches) == LARGEST_SHIFT - SMALLEST_SHIFT + 1, "one per power");

// The smallest shift such that 2^shift >= size.
static uint32_t size_shift(size_t size)
{
    return size <= 1 ? 0 : 64u - (uint32_t)__builtin_clzll(size - 1);
}

static void *allocate_block(size_t size, uint32_t order)
{
    struct frame *frame = frames_allocate(order, FRAME_KERNEL);

    if (frame == NULL)
        return NULL;
    return memset(frame_pointer(frame), 0, align_up(size, sizeof(uint64_t)));
}

static inline void *allocate_object(struct object_cache *cache, size_t size, uint64_t place)
{
    void *object = object_allocate(cache);

    if (SANITIZER && object)
        object_guard_limit(cache, object, (uint32_t)size, place);
    return object;
}

void *memory_allocate(size_t size)
{
    uint32_t shift;

    if (size > PAGE_SIZE << (FRAME_ORDER_LIMIT - 1))
        return NULL;
    shift = max_of(size_shift(size), SMALLEST_SHIFT);
    if (shift <= LARGEST_SHIFT)
        return allocate_object(&memory_caches[shift - SMALLEST_SHIFT], size,
                               (uint64_t)__builtin_return_address(0));
    return allocate_block(size, max_of(shift, PAGE_SHIFT) - PAGE_SHIFT);
}

static bool is_memory_cache(const struct object_cache *cache)
{
    return cache >= memory_caches && cache < memory_caches + ARRAY_SIZE(memory_caches);
}

void memory_release(void *memory)
{
    if (memory == NULL)
        return;
    struct frame *frame = frame_of_pointer(memory);
    if (frame->use == FRAME_CACHE) {
        struct object_cache *cache = object_cache_by_number(slab_cache_number(frame));
        kassert(cache != NULL && is_memory_cache(cache));
        object_release(cache, memory);
    } else {
        kassert(frame->use == FRAME_KERNEL && (uint64_t)memory % PAGE_SIZE == 0);
        frame_release(frame);
    }
}

char *memory_duplicate_string(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memory_allocate(size);

    return copy == NULL ? NULL : memcpy(copy, text, size);
}
