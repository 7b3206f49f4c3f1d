// Memory that one task changes while others, on other CPUs, use it: what was unmapped, moved,
// replaced or protected is not written to any more once the call has returned. Shows row 14 of
// kernel/README.md. Runs unchanged on Linux. `shootdown [TEST]`; exits 0 when all was right.
#include "sharers.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const struct test use_tests[];
extern const size_t use_test_count;

static volatile uint64_t *map_at(volatile uint64_t *place, int protection)
{
    int fixed = place ? MAP_FIXED : 0;
    void *page = mmap((void *)place, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);
    if (page == MAP_FAILED)
        fail("mmap");
    return page;
}

#define FRESH_PAGES 4

// New pages, which are likely what was just freed, stay as the test fills them.
static bool fresh_pages_are_left_alone(void)
{
    uint64_t *fresh =
        mmap(NULL, FRESH_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t words = FRESH_PAGES * PAGE / sizeof(*fresh), bad = 0;
    for (size_t i = 0; i < words; i++)
        bad += ((volatile uint64_t *)fresh)[i] != 0;
    bool went_on = sharers_went_on();
    for (size_t i = 0; i < words; i++)
        bad += ((volatile uint64_t *)fresh)[i] != 0;
    munmap(fresh, FRESH_PAGES * PAGE);
    return went_on && bad == 0;
}

// The words stay what they are while the sharers go on.
static bool page_is_left_alone(volatile uint64_t *page)
{
    uint64_t before[SHARER_LIMIT];
    for (int i = 0; i < sharer_count; i++)
        before[i] = page[i];
    if (!sharers_went_on())
        return false;
    for (int i = 0; i < sharer_count; i++) {
        if (page[i] != before[i])
            return false;
    }
    return true;
}

static bool replaced(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        EXPECT(sharers_write_to(page));
        map_at(page, PROT_READ | PROT_WRITE);
        EXPECT(fresh_pages_are_left_alone());
    }
    sharers_stop();
    return true;
}

static bool unmapped(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        map_at(page, PROT_READ | PROT_WRITE);
        EXPECT(sharers_write_to(page));
        EXPECT(munmap((void *)page, PAGE) == 0);
        EXPECT(fresh_pages_are_left_alone());
        EXPECT(sharers_have_faulted());
    }
    sharers_stop();
    return true;
}

static bool discarded(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        EXPECT(sharers_write_to(page));
        EXPECT(madvise((void *)page, PAGE, MADV_DONTNEED) == 0);
        EXPECT(fresh_pages_are_left_alone());
    }
    sharers_stop();
    return true;
}

static bool protected(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        EXPECT(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) == 0);
        EXPECT(sharers_write_to(page));
        EXPECT(mprotect((void *)page, PAGE, PROT_READ) == 0);
        EXPECT(page_is_left_alone(page));
        EXPECT(sharers_have_faulted());
    }
    sharers_stop();
    return true;
}

static bool moved(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    volatile uint64_t *other = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        map_at(page, PROT_READ | PROT_WRITE);
        EXPECT(sharers_write_to(page));
        EXPECT(mremap((void *)page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)other) ==
               (void *)other);
        EXPECT(page_is_left_alone(other));
        EXPECT(sharers_have_faulted());
    }
    sharers_stop();
    return true;
}

static int watch_page(void *argument)
{
    volatile uint64_t *page = argument;
    uint64_t before[SHARER_LIMIT];
    for (int i = 0; i < sharer_count; i++)
        before[i] = page[i];
    for (unsigned i = 0; i < 20; i++) // the parent's sharers cannot be seen from here
        sched_yield();
    for (int i = 0; i < sharer_count; i++) {
        if (page[i] != before[i])
            return 1;
    }
    return 0;
}

// The child's copy is its own, although the parent's other tasks wrote all the time.
static bool forked(void)
{
    volatile uint64_t *page = map_at(NULL, PROT_READ | PROT_WRITE);
    sharers_start();
    while (round_begins()) {
        EXPECT(sharers_write_to(page));
        pid_t child = child_start(watch_page, (void *)page);
        EXPECT(sharers_went_on());
        EXPECT(child_wait(child) == 0);
    }
    sharers_stop();
    return true;
}

static const struct test change_tests[] = {
    { "replaced", replaced },   { "unmapped", unmapped }, { "discarded", discarded },
    { "protected", protected }, { "moved", moved },       { "forked", forked },
};
static const size_t change_test_count = COUNT_OF(change_tests);

int main(int argc, char **argv)
{
    static const struct test_group groups[] = { { change_tests, &change_test_count },
                                                { use_tests, &use_test_count } };
    setvbuf(stdout, NULL, _IOLBF, 0);
    return suite_run("shootdown", groups, COUNT_OF(groups), argc > 1 ? argv[1] : NULL, NULL) != 0;
}
