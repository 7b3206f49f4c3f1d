// The page tree against a model: sparse and dense indices, truncation, memory's end.
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "mem/object_cache.h"
#include "mem/page_tree.h"
#include "test.h"

#define MEMORY (64 * MIB)
#define ENTRIES 800u

static struct {
    uint64_t index;
    struct frame *frame; // NULL: not in the tree
} model[ENTRIES];

static uint64_t random_index(void)
{
    // Every magnitude from 0 to 2^64 - 1.
    return random_number() >> random_below(64);
}

static void choose_indices(void)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        bool distinct;
        do {
            model[i].index = i < 100 ? i : random_index();
            distinct = true;
            for (uint32_t j = 0; j < i; j++)
                distinct &= model[j].index != model[i].index;
        } while (!distinct);
    }
    model[ENTRIES - 1].index = UINT64_MAX;
}

static uint64_t check_tree(const struct page_tree *tree)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < ENTRIES; i++) {
        CHECK(page_tree_get(tree, model[i].index) == model[i].frame);
        count += model[i].frame != NULL;
    }
    CHECK_EQUAL(tree->page_count, count);
    return count;
}

static void put(struct page_tree *tree, uint32_t i)
{
    model[i].frame = frames_allocate(0, FRAME_FILE);
    CHECK(model[i].frame != NULL);
    CHECK_EQUAL(page_tree_put(tree, model[i].index, model[i].frame), 0);
}

static void forget_from(uint64_t first)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (model[i].index >= first)
            model[i].frame = NULL;
    }
}

TEST(page_tree_against_model)
{
    struct page_tree tree = { 0 };

    machine_start(MEMORY);
    uint64_t before = machine_free_frames();
    choose_indices();
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t step = 0; step < 200; step++) {
            uint32_t i = (uint32_t)random_below(ENTRIES);
            if (model[i].frame == NULL)
                put(&tree, i);
        }
        check_tree(&tree);
        uint64_t first = random_below(2) ? model[random_below(ENTRIES)].index : random_index();
        if (random_below(2)) {
            page_tree_truncate(&tree, first);
        } else {
            while (!page_tree_truncate_step(&tree, first, 7))
                continue;
        }
        forget_from(first);
        check_tree(&tree);
    }
    page_tree_truncate(&tree, 0);
    forget_from(0);
    CHECK_EQUAL(check_tree(&tree), 0);
    CHECK(tree.root == NULL && tree.height == 0);
    CHECK_EQUAL(object_caches_live(), 0);
    object_caches_drain();
    CHECK_EQUAL(machine_free_frames(), before);
}

TEST(page_tree_empty)
{
    struct page_tree tree = { 0 };

    machine_start(MEMORY);
    CHECK(page_tree_get(&tree, 0) == NULL && page_tree_get(&tree, UINT64_MAX) == NULL);
    page_tree_truncate(&tree, 0);
    CHECK(page_tree_truncate_step(&tree, 0, 0));
    CHECK_EQUAL(tree.page_count, 0);
}

TEST(page_tree_holds_one_reference)
{
    struct page_tree tree = { 0 };

    machine_start(MEMORY);
    struct frame *frame = frames_allocate(0, FRAME_FILE);
    frame_reference(frame); // a mapping's
    CHECK_EQUAL(page_tree_put(&tree, 5, frame), 0);
    page_tree_truncate(&tree, 6);
    CHECK(page_tree_get(&tree, 5) == frame);
    page_tree_truncate(&tree, 5);
    CHECK(page_tree_get(&tree, 5) == NULL);
    CHECK_EQUAL(atomic_load(&frame->references), 1);
    frame_release(frame);
}

TEST(page_tree_steps_are_bounded)
{
    struct page_tree tree = { 0 };

    machine_start(MEMORY);
    for (uint64_t i = 0; i < 1000; i++)
        CHECK_EQUAL(page_tree_put(&tree, i, frames_allocate(0, FRAME_FILE)), 0);
    CHECK(!page_tree_truncate_step(&tree, 500, 100));
    CHECK_EQUAL(tree.page_count, 900);
    CHECK(page_tree_truncate_step(&tree, 500, 400));
    CHECK_EQUAL(tree.page_count, 500);
    CHECK(page_tree_get(&tree, 499) != NULL && page_tree_get(&tree, 500) == NULL);
}

TEST(page_tree_full_slot_panics)
{
    struct page_tree tree = { 0 };

    machine_start(MEMORY);
    CHECK_EQUAL(page_tree_put(&tree, 9, frames_allocate(0, FRAME_FILE)), 0);
    CHECK_PANICS((void)page_tree_put(&tree, 9, frames_allocate(0, FRAME_FILE)), "assertion");
}

// Each put is tried with no memory for its nodes, then with a frame more, until it succeeds: until
// then it changes nothing.
TEST(page_tree_without_memory)
{
    static const uint64_t indices[] = { 0, 70, 5000, 1ull << 40, UINT64_MAX, 3ull << 40 };
    struct page_tree tree = { 0 };
    struct frame *frames[ARRAY_SIZE(indices)];

    machine_start(MEMORY);
    uint64_t before = machine_free_frames();
    for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
        frames[i] = frames_allocate(0, FRAME_FILE);
    machine_exhaust();
    for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
        struct page_tree kept = tree;
        uint64_t live = object_caches_live();
        int result;
        object_caches_drain();
        machine_exhaust();
        while ((result = page_tree_put(&tree, indices[i], frames[i])) != 0) {
            CHECK(result == -12);
            CHECK(memcmp(&kept, &tree, sizeof(tree)) == 0);
            CHECK_EQUAL(object_caches_live(), live);
            CHECK(page_tree_get(&tree, indices[i]) == NULL);
            machine_give_back(1);
        }
        for (size_t j = 0; j <= i; j++)
            CHECK(page_tree_get(&tree, indices[j]) == frames[j]);
    }
    page_tree_truncate(&tree, 0);
    CHECK_EQUAL(object_caches_live(), 0);
    object_caches_drain();
    machine_give_back(UINT64_MAX);
    CHECK_EQUAL(machine_free_frames(), before);
}
