// Free frames and free objects that lie ready at each CPU, with CPUs that are threads, interrupts
// that take and give back as well, and memory that ends. Who has a frame or an object signs it, so
// that a second owner is noticed; afterwards the counts are exact and everything can be had again.
#include <string.h>

#include "cpu/ipi.h"
#include "lib/panic.h"
#include "machine.h"
#include "mem/object_cache.h"
#include "parallel/cpus.h"
#include "test.h"

#define CPUS 4u
#define KEPT 100u // by a CPU at a time; more than its magazines hold
#define SHELF 16u // places where CPUs leave things to each other
#define STEPS_TO_CALL 200u
#define MEMORY (32 * MIB)

struct sample {
    uint64_t words[24];
};

static OBJECT_CACHE(samples, "samples", struct sample);

// What the cases are about: how a thing is had and given back, and where it may be signed.
struct kind {
    void *(*take)(void);
    void (*put)(void *thing);
    uint64_t *(*words)(void *thing);
    uint32_t word_count, steps;
};

static const struct kind *kind;
static void *_Atomic shelf[SHELF];
static atomic_ullong signatures;
static atomic_uint calls_served;
static _Thread_local uint64_t random_state;

static uint64_t random_up_to(uint64_t limit)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 33) % limit;
}

static void *take_frame(void)
{
    return frame_allocate(FRAME_ANONYMOUS);
}

static void *take_frame_or_blank(void)
{
    return random_up_to(2) == 0 ? take_frame() : frame_allocate_blank(FRAME_PAGE_TABLE);
}

static void put_frame(void *frame)
{
    frame_release(frame);
}

// Cleaned by who had it, as the maker of page tables does.
static void put_frame_or_blank(void *thing)
{
    struct frame *frame = thing;

    if (frame->use != FRAME_PAGE_TABLE) {
        frame_release(frame);
        return;
    }
    memset(frame_pointer(frame), 0, PAGE_SIZE);
    frame_release_blank(frame);
}

static uint64_t *words_of_frame(void *frame)
{
    return frame_pointer(frame);
}

static void *take_object(void)
{
    return object_allocate(&samples);
}

static void put_object(void *object)
{
    object_release(&samples, object);
}

static uint64_t *words_of_object(void *object)
{
    return ((struct sample *)object)->words;
}

static const struct kind frames = { take_frame, put_frame, words_of_frame, 64, 4000 };
static const struct kind blanks = { take_frame_or_blank, put_frame_or_blank, words_of_frame, 64,
                                    4000 };
static const struct kind objects = { take_object, put_object, words_of_object, 24, 16000 };

// NULL: memory has ended.
static void *take_signed(void)
{
    void *thing = kind->take();

    if (thing) {
        uint64_t signature = atomic_fetch_add(&signatures, 1);
        for (uint32_t i = 0; i < kind->word_count; i++)
            kind->words(thing)[i] = signature;
    }
    return thing;
}

static void put_signed(void *thing)
{
    const uint64_t *words = kind->words(thing);

    for (uint32_t i = 1; i < kind->word_count; i++)
        CHECK_EQUAL(words[i], words[0]);
    kind->put(thing);
}

// In an interrupt, which may find the magazines in use: one more or one less than before.
static void *kept_by_interrupts[CPUS][8];

static void take_or_put(void)
{
    void **place = &kept_by_interrupts[this_cpu()->number][random_up_to(8)];

    if (*place) {
        put_signed(*place);
        *place = NULL;
    } else {
        *place = take_signed();
    }
}

static void interrupt(void)
{
    if (random_up_to(4) == 0)
        take_or_put();
}

static void take_in_call(void *argument)
{
    take_or_put();
    atomic_fetch_add(&calls_served, 1);
}

// Into a place where something may lie, which comes in exchange: given back where it was not taken.
static void *exchange(void *thing)
{
    return atomic_exchange(&shelf[random_up_to(SHELF)], thing);
}

static void put_all(void *things[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (things[i])
            put_signed(things[i]);
    }
}

static void take_and_put_at_random(uint32_t number)
{
    static _Thread_local void *kept[KEPT];

    random_state = number + 1;
    for (uint32_t step = 0; step < kind->steps; step++) {
        void **place = &kept[random_up_to(KEPT)];
        if (!*place)
            *place = take_signed();
        else if (random_up_to(3) == 0)
            *place = exchange(*place);
        if (*place && random_up_to(3) != 0) {
            put_signed(*place);
            *place = NULL;
        }
        if (step % STEPS_TO_CALL == number)
            ipi_call_all(take_in_call, NULL);
        if (kind == &objects && step % 1000 == number)
            (void)object_caches_drain();
    }
    put_all(kept, KEPT);
}

static void empty_shelf(void)
{
    for (uint32_t i = 0; i < SHELF; i++) {
        void *thing = atomic_exchange(&shelf[i], NULL);
        if (thing)
            put_signed(thing);
    }
}

static struct list_node hoard; // of the CPU whose turn it is
static uint64_t hoarded;
static uint32_t turn;

// What a CPU gave back lies ready there, until another one finds nothing else.
static void leave_some_ready(void)
{
    void *some[KEPT];

    for (uint32_t i = 0; i < KEPT; i++)
        some[i] = frame_allocate(FRAME_ANONYMOUS);
    for (uint32_t i = 0; i < KEPT; i++)
        put_frame(some[i]);
}

static void take_all_at_one(uint32_t number)
{
    struct frame *frame;

    leave_some_ready();
    cpus_meet();
    while (number == turn && (frame = frame_allocate(FRAME_ANONYMOUS)) != NULL) {
        list_append(&hoard, &frame->link);
        hoarded++;
    }
    cpus_meet();
    while (number == (turn + 1) % CPUS && !list_is_empty(&hoard)) {
        frame = list_first(&hoard, struct frame, link);
        list_remove(&frame->link);
        frame_release(frame);
    }
}

// All CPUs at once: each frame is had once.
static void take_all_together(uint32_t number)
{
    struct list_node mine;
    struct frame *frame;

    list_init(&mine);
    while ((frame = frame_allocate(FRAME_ANONYMOUS)) != NULL) {
        list_append(&mine, &frame->link);
        __atomic_fetch_add(&hoarded, 1, __ATOMIC_RELAXED);
    }
    cpus_meet();
    while (!list_is_empty(&mine)) {
        frame = list_first(&mine, struct frame, link);
        list_remove(&frame->link);
        frame_release(frame);
    }
}

static void check_all_can_be_had(void (*take)(uint32_t number), uint64_t expected)
{
    for (turn = 0; turn < CPUS; turn++) {
        list_init(&hoard);
        hoarded = 0;
        cpus_run(CPUS, take);
        CHECK_EQUAL(hoarded, expected);
        CHECK_EQUAL(machine_free_frames(), expected);
    }
}

static void run_kind(const struct kind *chosen)
{
    kind = chosen;
    cpus_interrupt = interrupt;
    cpus_run(CPUS, take_and_put_at_random);
    cpus_interrupt = NULL;
    for (uint32_t i = 0; i < CPUS; i++)
        put_all(kept_by_interrupts[i], ARRAY_SIZE(kept_by_interrupts[i]));
    empty_shelf();
    CHECK(atomic_load(&calls_served) >= CPUS * CPUS * (kind->steps / STEPS_TO_CALL));
}

static void run_frames(const struct kind *chosen)
{
    machine_start(MEMORY);
    uint64_t free_at_start = machine_free_frames();
    run_kind(chosen);
    CHECK_EQUAL(machine_free_frames(), free_at_start);
    check_all_can_be_had(take_all_at_one, free_at_start);
}

TEST(magazines_of_frames)
{
    run_frames(&frames);
}

TEST(magazines_of_blank_frames)
{
    run_frames(&blanks);
}

static void drain_objects(uint32_t number)
{
    if (number == 0)
        (void)object_caches_drain();
}

static void prepare_magazines(uint32_t number)
{
    if (number == 0) // this prepares the boot CPU's
        object_release(&samples, object_allocate(&samples));
    cpus_meet();
    if (number != 0)
        CHECK(object_magazines_prepare(this_cpu()));
}

TEST(magazines_of_objects)
{
    machine_start(MEMORY);
    cpus_run(CPUS, prepare_magazines);
    uint64_t live_at_start = object_caches_live();
    cpus_run(CPUS, drain_objects);
    uint64_t free_at_start = machine_free_frames();
    run_kind(&objects);
    CHECK_EQUAL(object_cache_live(&samples), 0);
    CHECK_EQUAL(object_caches_live(), live_at_start);
    cpus_run(CPUS, drain_objects);
    CHECK_EQUAL(samples.slab_count, 0);
    CHECK_EQUAL(machine_free_frames(), free_at_start);
}

// What lies ready at others is asked for.
TEST(magazines_when_memory_ends)
{
    machine_start(12 * MIB);
    uint64_t free_at_start = machine_free_frames();
    check_all_can_be_had(take_all_together, free_at_start);
    check_all_can_be_had(take_all_at_one, free_at_start);
}
