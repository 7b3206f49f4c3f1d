// Random operations of programs on their address spaces, with allocations that fail now and then,
// each checked against the model (vm_model.h).
#include <string.h>

#include "abi/errno.h"
#include "allocations.h"
#include "stubs.h"
#include "test.h"
#include "vm_model.h"

// What one operation works on: `count` pages of a program from `first` on.
struct target {
    struct model_program *program;
    struct model_page *pages;
    size_t first, count;
    uint64_t start, length;
};

static struct target choose_target(struct model_program *program)
{
    struct target target = { .program = program };

    target.first = random_below(MODEL_PAGES);
    target.count = 1 + random_below(random_below(4) != 0 ? 6 : 40);
    if (target.first + target.count > MODEL_PAGES)
        target.count = MODEL_PAGES - target.first;
    target.pages = &program->pages[target.first];
    target.start = MODEL_BASE + target.first * PAGE_SIZE;
    target.length = target.count * PAGE_SIZE;
    return target;
}

static bool ran_out(int64_t result)
{
    return result == -ENOMEM && allocations.failed;
}

static size_t count_mapped(const struct model_page *pages, size_t count)
{
    size_t mapped = 0;

    for (size_t i = 0; i < count; i++)
        mapped += pages[i].mapped;
    return mapped;
}

static void clear_pages(struct model_page *pages, size_t count)
{
    memset(pages, 0, count * sizeof(*pages));
}

static void do_map(struct target target)
{
    bool is_file = random_below(5) >= 3, is_shared = random_below(5) >= 3;
    uint32_t protection = (uint32_t)random_below(8);
    uint64_t index = is_file ? random_below(MODEL_FILE_PAGES) : 0;
    uint32_t flags = random_below(4) == 0 ? MAP_AT_FIXED_EMPTY : MAP_AT_FIXED;
    int64_t result = address_space_map(
        target.program->space, target.start, target.length - random_below(PAGE_SIZE), protection,
        flags | (is_shared ? MAP_IS_SHARED : 0), is_file ? model_file : NULL, index);

    if (ran_out(result))
        return;
    if ((flags & MAP_AT_FIXED_EMPTY) != 0 && count_mapped(target.pages, target.count) != 0) {
        CHECK_EQUAL(result, -EEXIST);
        return;
    }
    CHECK_EQUAL(result, target.start);
    struct model_object *object = is_file     ? &model_file_words
                                  : is_shared ? model_shared_memory()
                                              : NULL;
    for (size_t i = 0; i < target.count; i++)
        target.pages[i] = (struct model_page){ .mapped = true,
                                               .shared = is_shared,
                                               .protection = protection,
                                               .object = object,
                                               .index = object != NULL ? index + i : 0 };
}

static void do_unmap(struct target target)
{
    int result = address_space_unmap(target.program->space, target.start, target.length);

    if (ran_out(result))
        return;
    CHECK_EQUAL(result, 0);
    clear_pages(target.pages, target.count);
}

static void do_protect(struct target target)
{
    uint32_t protection = (uint32_t)random_below(8);
    bool is_whole = count_mapped(target.pages, target.count) == target.count;
    int result =
        address_space_protect(target.program->space, target.start, target.length, protection);

    if (ran_out(result))
        return;
    CHECK_EQUAL(result, is_whole ? 0 : -ENOMEM);
    for (size_t i = 0; is_whole && i < target.count; i++)
        target.pages[i].protection = protection;
}

static void do_discard(struct target target)
{
    bool is_whole = count_mapped(target.pages, target.count) == target.count;
    int result = address_space_discard(target.program->space, target.start, target.length);

    CHECK_EQUAL(result, is_whole ? 0 : -ENOMEM);
    for (size_t i = 0; i < target.count; i++) {
        target.pages[i].is_own = false;
        target.pages[i].word = 0;
    }
}

static void do_write(struct target target)
{
    uint64_t value = random_number();
    struct model_page *page = target.pages;
    int result = address_space_write(target.program->space, target.start, &value, sizeof(value));

    if (ran_out(result))
        return;
    bool allowed = page->mapped && (page->protection & PROTECTION_WRITE) != 0;
    uint64_t *word = allowed ? model_word(page, true) : NULL;
    CHECK_EQUAL(result, word != NULL ? 0 : -EFAULT);
    if (word != NULL)
        *word = value;
}

static void do_read(struct target target)
{
    uint64_t value;
    struct model_page *page = target.pages;
    int result = address_space_read(target.program->space, target.start, &value, sizeof(value));

    if (ran_out(result))
        return;
    bool allowed = page->mapped && page->protection != 0;
    const uint64_t *word = allowed ? model_word(page, false) : NULL;
    CHECK_EQUAL(result, word != NULL ? 0 : -EFAULT);
    CHECK(word == NULL || value == *word);
}

// Are the pages one mapping, from the first one on?
static bool is_one_mapping(const struct model_page *pages, size_t count)
{
    bool joined = pages[0].mapped;

    for (size_t i = 1; i < count; i++)
        joined &= model_is_joined(&pages[i - 1], &pages[i]);
    return joined;
}

// What growing a mapping appends.
static struct model_page page_after(struct model_page page)
{
    page.index += page.object != NULL;
    page.is_own = false;
    page.word = 0;
    return page;
}

static void move_pages(struct target from, struct model_page *to, size_t new_count)
{
    struct model_page last = from.pages[from.count - 1];

    for (size_t i = 0; i < new_count; i++) {
        if (i < from.count) {
            to[i] = from.pages[i];
            clear_pages(&from.pages[i], 1);
        } else {
            last = to[i] = page_after(last);
        }
    }
}

static void do_move(struct target target)
{
    size_t to = random_below(MODEL_PAGES), new_count = 1 + random_below(12);

    allocations.fail_percent = 0; // how far it came would be visible
    if (to + new_count > MODEL_PAGES)
        new_count = MODEL_PAGES - to;
    bool overlaps = to < target.first + target.count && target.first < to + new_count;
    bool is_there = target.pages[0].mapped;
    uint64_t new_start = MODEL_BASE + to * PAGE_SIZE;
    int64_t result = address_space_remap(target.program->space, target.start, target.length,
                                         new_count * PAGE_SIZE, true, true, new_start);

    if (!is_there || overlaps) {
        CHECK_EQUAL(result, is_there ? -EINVAL : -EFAULT);
        return;
    }
    clear_pages(&target.program->pages[to], new_count);
    if (target.count > new_count) {
        clear_pages(&target.pages[new_count], target.count - new_count);
        target.count = new_count;
    }
    if (!is_one_mapping(target.pages, target.count)) {
        CHECK_EQUAL(result, -EFAULT);
        return;
    }
    CHECK_EQUAL(result, new_start);
    move_pages(target, &target.program->pages[to], new_count);
}

static void do_resize(struct target target)
{
    size_t new_count = 1 + random_below(12);

    allocations.fail_percent = 0;
    if (target.first + new_count > MODEL_PAGES)
        new_count = MODEL_PAGES - target.first;
    int64_t result = address_space_remap(target.program->space, target.start, target.length,
                                         new_count * PAGE_SIZE, false, false, 0);

    if (new_count <= target.count) {
        CHECK_EQUAL(result, target.pages[0].mapped ? (int64_t)target.start : -EFAULT);
        if (target.pages[0].mapped)
            clear_pages(&target.pages[new_count], target.count - new_count);
        return;
    }
    if (!is_one_mapping(target.pages, target.count)) {
        CHECK_EQUAL(result, -EFAULT);
        return;
    }
    if (count_mapped(&target.pages[target.count], new_count - target.count) != 0) {
        CHECK_EQUAL(result, -ENOMEM);
        return;
    }
    CHECK_EQUAL(result, target.start);
    for (size_t i = target.count; i < new_count; i++)
        target.pages[i] = page_after(target.pages[i - 1]);
}

static void do_fork(struct target target)
{
    struct model_program *child = &programs[random_below(MODEL_PROGRAMS)];

    if (child->space != NULL)
        return;
    struct address_space *space = address_space_fork(target.program->space);
    if (space == NULL) {
        CHECK(allocations.failed);
        return;
    }
    *child = *target.program;
    child->space = space;
    model_compare(child);
}

static void do_exit(struct target target)
{
    size_t alive = 0;

    for (size_t i = 0; i < MODEL_PROGRAMS; i++)
        alive += programs[i].space != NULL;
    if (alive < 2 || random_below(8) != 0)
        return;
    translation_switch(this_cpu(), NULL);
    address_space_release(target.program->space);
    target.program->space = NULL;
}

typedef void (*operation)(struct target target);

static void run_operations(const operation *operations, size_t count, int steps)
{
    model_start();
    for (int step = 0; step < steps; step++) {
        struct model_program *program;
        do
            program = &programs[random_below(MODEL_PROGRAMS)];
        while (program->space == NULL);
        // Loaded or not: the TLB is flushed in one case only, entries are the same.
        translation_switch(this_cpu(), random_below(2) != 0 ? &program->space->translation : NULL);
        allocations.fail_percent = random_below(4) == 0 ? 15 : 0;
        allocations.failed = false;
        operations[random_below(count)](choose_target(program));
        allocations.fail_percent = 0;
        for (size_t i = 0; i < MODEL_PROGRAMS; i++) {
            if (programs[i].space != NULL && (&programs[i] == program || step % 50 == 0))
                model_compare(&programs[i]);
        }
    }
    model_end();
}

TEST(vm_one_program_against_model)
{
    static const operation operations[] = { do_map,     do_map,     do_unmap, do_protect,
                                            do_protect, do_discard, do_write, do_write,
                                            do_write,   do_read,    do_move,  do_resize };

    run_operations(operations, ARRAY_SIZE(operations), 30000);
}

TEST_PROTECTION("cow", vm_forking_programs_against_model)
{
    static const operation operations[] = { do_map,     do_map,    do_unmap, do_protect, do_protect,
                                            do_discard, do_write,  do_write, do_write,   do_read,
                                            do_move,    do_resize, do_fork,  do_exit };

    run_operations(operations, ARRAY_SIZE(operations), 60000);
}
