// The frame allocator at work: a random owner against a model, exact counts, misuse.
#include <stdlib.h>
#include <string.h>

#include "lib/protection.h"
#include "machine.h"
#include "test.h"

#define MEMORY (64 * MIB)
#define FRAMES (MEMORY / PAGE_SIZE)
#define BLOCKS 600u

struct block {
    struct frame *frame;
    uint32_t order;
    uint32_t references;
    enum frame_use use;
};

static struct block blocks[BLOCKS];
static uint16_t owner[FRAMES]; // block number + 1
static uint64_t used_by_model[FRAME_USE_COUNT];

static uint64_t first_frame(const struct block *block)
{
    return frame_address(block->frame).value / PAGE_SIZE;
}

static void take_block(struct block *block)
{
    block->order = (uint32_t)random_below(random_below(8) + 1);
    block->use = FRAME_KERNEL + (enum frame_use)random_below(FRAME_USE_COUNT - FRAME_KERNEL);
    block->frame = frames_allocate(block->order, block->use);
    if (block->frame == NULL)
        return;
    block->references = 1;
    CHECK_EQUAL(first_frame(block) % (1u << block->order), 0);
    for (uint64_t i = 0; i < 1u << block->order; i++) {
        CHECK_EQUAL(owner[first_frame(block) + i], 0);
        owner[first_frame(block) + i] = (uint16_t)(block - blocks + 1);
    }
    used_by_model[block->use] += 1u << block->order;
}

static void drop_block(struct block *block)
{
    if (--block->references == 0) {
        for (uint64_t i = 0; i < 1u << block->order; i++)
            owner[first_frame(block) + i] = 0;
        used_by_model[block->use] -= 1u << block->order;
        frame_release(block->frame);
        block->frame = NULL;
    } else {
        frame_release(block->frame);
    }
}

static void check_counts(uint64_t total)
{
    struct frame_counts counts;
    uint64_t used = 0;

    frames_count(&counts);
    CHECK_EQUAL(counts.total, total);
    for (uint32_t use = 0; use < FRAME_USE_COUNT; use++) {
        CHECK_EQUAL(counts.used[use], used_by_model[use]);
        used += counts.used[use];
    }
    CHECK_EQUAL(counts.free, total - used);
}

// How many blocks of the largest order can be had: shows whether everything merged again.
static uint32_t count_largest(void)
{
    static struct frame *taken[FRAMES >> (FRAME_ORDER_LIMIT - 1)];
    uint32_t count = 0;

    while ((taken[count] = frames_allocate(FRAME_ORDER_LIMIT - 1, FRAME_KERNEL)) != NULL)
        count++;
    for (uint32_t i = 0; i < count; i++)
        frame_release(taken[i]);
    return count;
}

TEST(frames_torture_against_model)
{
    machine_start(MEMORY);
    uint64_t total = machine_free_frames();
    uint32_t largest = count_largest();

    for (uint32_t round = 0; round < 40000; round++) {
        struct block *block = &blocks[random_below(BLOCKS)];
        if (block->frame == NULL) {
            take_block(block);
        } else if (random_below(4) == 0) {
            frame_reference(block->frame);
            block->references++;
        } else {
            drop_block(block);
        }
        if (round % 64 == 0)
            check_counts(total);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        while (blocks[i].frame != NULL)
            drop_block(&blocks[i]);
    }
    check_counts(total);
    CHECK_EQUAL(count_largest(), largest);
}

TEST(frames_exhausted_and_back)
{
    CHECK(frames_allocate(0, FRAME_KERNEL) == NULL); // before there is any memory
    machine_start(MEMORY);
    uint64_t total = machine_free_frames();
    uint32_t largest = count_largest();

    machine_exhaust();
    CHECK_EQUAL(machine_free_frames(), 0);
    for (uint32_t order = 0; order < FRAME_ORDER_LIMIT; order++)
        CHECK(frames_allocate(order, FRAME_KERNEL) == NULL);
    CHECK(frame_allocate_zeroed(FRAME_KERNEL) == NULL);
    machine_give_back(UINT64_MAX);
    CHECK_EQUAL(machine_free_frames(), total);
    CHECK_EQUAL(count_largest(), largest);
}

TEST_PROTECTION("zero", frames_zeroed_hide_what_was_there)
{
    machine_start(MEMORY);
    for (int round = 0; round < 3; round++) {
        struct frame *frame = frame_allocate_zeroed(FRAME_ANONYMOUS);
        CHECK(frame != NULL);
        const uint8_t *bytes = frame_pointer(frame);
        for (size_t i = 0; i < PAGE_SIZE; i++)
            CHECK_EQUAL(bytes[i], 0);
        memset(frame_pointer(frame), 0xee, PAGE_SIZE); // the secret of an earlier owner
        frame_release(frame);
    }
}

static bool frame_is_all_zero(const struct frame *frame)
{
    const uint8_t *bytes = frame_pointer(frame);

    for (size_t i = 0; i < PAGE_SIZE; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

// What comes blank goes blank, whoever had the frame in between.
TEST(frames_blank_are_blank)
{
    static struct frame *frames[300]; // more than lie ready
    machine_start(MEMORY);
    uint64_t total = machine_free_frames();

    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < ARRAY_SIZE(frames); i++) {
            frames[i] = frame_allocate_blank(FRAME_PAGE_TABLE);
            CHECK(frames[i] != NULL && frame_is_all_zero(frames[i]));
        }
        for (uint32_t i = 0; i < ARRAY_SIZE(frames); i++) {
            bool blank = random_below(2) == 0;
            if (!blank)
                memset(frame_pointer(frames[i]), 0xee, PAGE_SIZE);
            (blank ? frame_release_blank : frame_release)(frames[i]);
        }
        CHECK_EQUAL(machine_free_frames(), total);
    }
    machine_exhaust(); // the blank ones are memory like any other
    CHECK(frame_allocate_blank(FRAME_PAGE_TABLE) == NULL);
    machine_give_back(UINT64_MAX);
}

TEST(frames_blank_with_leftovers_panic)
{
    machine_start(MEMORY);
    struct frame *frame = frame_allocate_blank(FRAME_PAGE_TABLE);
    CHECK(frame != NULL);
    ((char *)frame_pointer(frame))[PAGE_SIZE - 1] = 1;
    if (DEBUG_CHECKS)
        CHECK_PANICS(frame_release_blank(frame), "assertion");
}

TEST(frames_released_together)
{
    struct frame *frames[FRAME_BATCH_LIMIT];
    machine_start(MEMORY);
    uint64_t total = machine_free_frames(), kept = 0;

    for (uint32_t i = 0; i < ARRAY_SIZE(frames); i++) {
        frames[i] = frames_allocate(i % 3, FRAME_ANONYMOUS);
        CHECK(frames[i] != NULL);
        if (i % 2 == 0) {
            frame_reference(frames[i]);
            kept += 1u << i % 3;
        }
    }
    frames_release(frames, ARRAY_SIZE(frames));
    CHECK_EQUAL(machine_free_frames(), total - kept);
    for (uint32_t i = 0; i < ARRAY_SIZE(frames); i += 2)
        frame_release(frames[i]);
    CHECK_EQUAL(machine_free_frames(), total);
}

TEST(frames_poisoned_when_released)
{
    machine_start(MEMORY);
    struct frame *frame = frames_allocate(2, FRAME_KERNEL);
    CHECK(frame != NULL);
    uint8_t *bytes = frame_pointer(frame);
    memset(bytes, 0, 4 * PAGE_SIZE);
    frame_reference(frame);
    frame_release(frame);
    CHECK_EQUAL(bytes[0], 0); // still referred to
    frame_release(frame);
    for (size_t i = 0; DEBUG_CHECKS && i < 4 * PAGE_SIZE; i++)
        CHECK_EQUAL(bytes[i], 0x5a);
}

// Neither what the machine started with nor what came back blank is left to who does not ask for
// zeroes.
TEST(frames_poisoned_when_first_handed_out)
{
    machine_start(MEMORY);
    struct frame *block = frames_allocate(3, FRAME_KERNEL), *one = frame_allocate(FRAME_KERNEL);
    CHECK(block != NULL && one != NULL);
    const uint8_t *bytes = frame_pointer(block), *others = frame_pointer(one);
    for (size_t i = 0; DEBUG_CHECKS && i < 8 * PAGE_SIZE; i++)
        CHECK_EQUAL(bytes[i], 0x5a);
    for (size_t i = 0; DEBUG_CHECKS && i < PAGE_SIZE; i++)
        CHECK_EQUAL(others[i], 0x5a);
}

TEST(frames_poisoned_after_they_were_blank)
{
    static struct frame *frames[MEMORY / PAGE_SIZE];
    uint32_t count = 0;

    machine_start(MEMORY);
    frames[0] = frame_allocate_blank(FRAME_PAGE_TABLE);
    CHECK(frames[0] != NULL);
    uint8_t *bytes = frame_pointer(frames[0]);
    frame_release_blank(frames[0]);
    CHECK_EQUAL(bytes[5], 0);
    while ((frames[count] = frame_allocate(FRAME_KERNEL)) != NULL) // all that there is
        count++;
    CHECK(count > 100);
    for (size_t i = 0; DEBUG_CHECKS && i < PAGE_SIZE; i++)
        CHECK_EQUAL(bytes[i], 0x5a);
}

TEST(frames_addresses_and_pointers)
{
    machine_start(MEMORY);
    struct frame *frame = frames_allocate(1, FRAME_KERNEL);
    CHECK(frame != NULL);
    CHECK(frame_at(frame_address(frame)) == frame);
    CHECK(frame_of_pointer(frame_pointer(frame)) == frame);
    CHECK(frame_of_pointer((char *)frame_pointer(frame) + 4095) == frame);
    CHECK(frame_pointer(frame) == direct_map_pointer(frame_address(frame)));
    CHECK(frame_at(phys_make(MEMORY)) == NULL);
    CHECK(frame_at(phys_make(UINT64_MAX)) == NULL);
    CHECK(frame_at(phys_make(0)) == NULL);
    CHECK(frame_at(phys_make(MACHINE_KERNEL)) == NULL);
    CHECK_PANICS(frame_of_pointer((const void *)8), "assertion");
}

TEST(frames_double_release_panics)
{
    machine_start(MEMORY);
    struct frame *frame = frames_allocate(0, FRAME_KERNEL);
    frame_release(frame);
    CHECK_PANICS(frame_release(frame), "without a reference");
}

TEST(frames_double_release_after_merge_panics)
{
    machine_start(MEMORY);
    struct frame *first = frames_allocate(0, FRAME_KERNEL);
    struct frame *second = frames_allocate(0, FRAME_KERNEL);
    frame_release(first);
    frame_release(second);
    CHECK_PANICS(frame_release(second), "without a reference");
}

TEST(frames_release_inside_a_block_panics)
{
    machine_start(MEMORY);
    struct frame *frame = frames_allocate(3, FRAME_KERNEL);
    CHECK_PANICS(frame_release(frame + 1), "without a reference");
}

TEST(frames_release_of_reserved_memory_panics)
{
    machine_start(MEMORY);
    struct frame *frame = frame_of_pointer(direct_map_pointer(phys_make(MACHINE_KERNEL)));
    CHECK_EQUAL(frame->use, FRAME_RESERVED);
    CHECK_EQUAL(atomic_load(&frame->references), 1);
    CHECK_PANICS(frame_release(frame), "not the allocator's");
}

TEST(frames_bad_requests_panic)
{
    machine_start(MEMORY);
    CHECK_PANICS((void)frames_allocate(FRAME_ORDER_LIMIT, FRAME_KERNEL), "assertion");
    CHECK_PANICS((void)frames_allocate(0, FRAME_FREE), "assertion");
    CHECK_PANICS((void)frames_allocate(0, FRAME_RESERVED), "assertion");
}
