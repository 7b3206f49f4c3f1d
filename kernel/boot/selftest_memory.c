// selftest=memory, for the build with SAN=1: memory of the kernel misused once in each way, in one
// boot. The panic that each deserves comes back here (debug/panic_catch.h). What was misused is
// lost.
#include "boot/selftest.h"
#include "debug/log.h"
#include "debug/panic_catch.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/object_cache.h"

#define MESSAGE_SIZE 320u

struct sample {
    uint8_t bytes[120];
};

static OBJECT_CACHE(sample_cache, "sample", struct sample);

static void write_behind_object(void)
{
    volatile uint8_t *object = object_allocate(&sample_cache);

    object[align_up(sizeof(struct sample), 16)] = 1;
    object_release(&sample_cache, (void *)object);
}

// Inside the power of two that it gets, but beyond what was asked for.
static void write_behind_memory(void)
{
    volatile uint8_t *memory = memory_allocate(100);

    memory[100] = 1;
    memory_release((void *)memory);
}

static void release_twice(void)
{
    void *object = object_allocate(&sample_cache);

    object_release(&sample_cache, object);
    object_release(&sample_cache, object);
}

static void write_released_object(void)
{
    volatile uint8_t *object = object_allocate(&sample_cache);

    object_release(&sample_cache, (void *)object);
    object[64] = 1;
    (void)object_caches_drain(); // out of the quarantine
}

static void write_released_frame(void)
{
    struct frame *frame = frame_allocate(FRAME_KERNEL);
    volatile uint8_t *bytes = frame_pointer(frame);

    frame_release(frame);
    bytes[1000] = 1;
    frame = frame_allocate(FRAME_KERNEL); // what was given back last is taken first
    log_error("selftest", "frame %p was handed out", frame_pointer(frame));
}

static void write_released_block(void)
{
    struct frame *frame = frames_allocate(3, FRAME_KERNEL);
    volatile uint8_t *bytes = frame_pointer(frame);

    frame_release(frame);
    bytes[5 * PAGE_SIZE + 8] = 1;
    for (uint32_t i = 0; i < 64; i++) // one of the next
        (void)!frames_allocate(3, FRAME_KERNEL);
}

static void provoke(const char *name, void (*act)(void))
{
    char message[MESSAGE_SIZE];

    if (panic_provoke(act, message, sizeof(message)))
        log_notice("selftest", "%s: caught: %s", name, message);
    else
        log_error("selftest", "%s: not caught", name);
}

void selftest_memory(void)
{
    static const struct {
        const char *name;
        void (*act)(void);
    } acts[] = {
        { "behind object", write_behind_object },   { "behind memory", write_behind_memory },
        { "released twice", release_twice },        { "released object", write_released_object },
        { "released frame", write_released_frame }, { "released block", write_released_block },
    };

    for (size_t i = 0; SANITIZER && i < ARRAY_SIZE(acts); i++)
        provoke(acts[i].name, acts[i].act);
}
