// Memory: mappings made, protected, moved and removed with their contents watched; shared counters;
// faults that a handler resolves.
#include "stress.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define AREAS 8
#define AREA_PAGES 32
#define COUNTERS 64
#define SHARERS 4
#define ADDITIONS 2000

struct area {
    uint8_t *start; // NULL: none
    size_t size;
    uint64_t seed;
    bool is_writable;
};

static int check_area(struct slot *slot, const struct area *area)
{
    CHECK(pattern_is(area->start, area->size, area->seed));
    return 0;
}

static int make_area(struct slot *slot, struct area *area)
{
    area->size = PAGE * (1 + random_below(slot, AREA_PAGES));
    area->seed = random_next(slot);
    area->start =
        mmap(NULL, area->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area->start != MAP_FAILED);
    for (size_t i = 0; i < area->size; i += PAGE)
        CHECK(*(uint64_t *)(area->start + i) == 0);
    pattern_fill(area->start, area->size, area->seed);
    area->is_writable = true;
    return 0;
}

static int change_area(struct slot *slot, struct area *area)
{
    switch (random_below(slot, 5)) {
    case 0: // cut from behind
        if (area->size > PAGE) {
            CHECK(munmap(area->start + area->size - PAGE, PAGE) == 0);
            area->size -= PAGE;
        }
        return 0;
    case 1:
        area->is_writable = !area->is_writable;
        CHECK(mprotect(area->start, area->size, PROT_READ | (area->is_writable ? PROT_WRITE : 0)) ==
              0);
        return 0;
    case 2:
        area->start = mremap(area->start, area->size, area->size + PAGE, MREMAP_MAYMOVE);
        CHECK(area->start != MAP_FAILED);
        CHECK(munmap(area->start + area->size, PAGE) == 0);
        return 0;
    case 3:
        if (area->is_writable) {
            area->seed = random_next(slot);
            pattern_fill(area->start, area->size, area->seed);
        }
        return 0;
    default:
        CHECK(munmap(area->start, area->size) == 0);
        area->start = NULL;
        return 0;
    }
}

static int check_in_child(struct slot *slot, void *argument)
{
    struct area *areas = argument;
    for (unsigned i = 0; i < AREAS; i++) {
        if (!areas[i].start)
            continue;
        if (check_area(slot, &areas[i]) != 0)
            return 1;
        if (areas[i].is_writable)
            memset(areas[i].start, 0, areas[i].size); // the parent does not see that
    }
    return 0;
}

int run_maps(struct slot *slot)
{
    struct area areas[AREAS] = { 0 };
    while (goes_on(slot)) {
        struct area *area = &areas[random_below(slot, AREAS)];
        if (area->start && check_area(slot, area) != 0)
            return 1;
        if ((area->start ? change_area : make_area)(slot, area) != 0)
            return 1;
        if (random_below(slot, 64) == 0) {
            pid_t child = job_fork(slot, check_in_child, areas);
            CHECK(child >= 0 && job_wait(child, 0));
        }
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    return 0;
}

static int add_to_counters(struct slot *slot, void *argument)
{
    atomic_uint *counters = argument;
    for (unsigned i = 0; i < ADDITIONS; i++) {
        atomic_fetch_add(&counters[random_below(slot, COUNTERS) * PAGE / sizeof(*counters)], 1);
        if (i % 100 == 0)
            advance(slot);
    }
    return 0;
}

// Every page of the shared memory is first touched by whoever comes first.
int run_sharing(struct slot *slot)
{
    while (goes_on(slot)) {
        atomic_uint *counters = shared_memory(COUNTERS * PAGE);
        pid_t children[SHARERS];
        unsigned sum = 0;
        for (unsigned i = 0; i < SHARERS; i++) {
            children[i] = job_fork(slot, add_to_counters, counters);
            CHECK(children[i] >= 0);
        }
        for (unsigned i = 0; i < SHARERS; i++)
            CHECK(job_wait(children[i], 0));
        for (unsigned i = 0; i < COUNTERS; i++)
            sum += atomic_load(&counters[i * PAGE / sizeof(*counters)]);
        CHECK(sum == SHARERS * ADDITIONS);
        CHECK(munmap(counters, COUNTERS * PAGE) == 0);
        atomic_fetch_add(&slot->amount, sum);
    }
    return 0;
}

static uint8_t *fault_page;
static volatile sig_atomic_t fault_count, fault_is_wrong;

static void resolve_fault(int signal, siginfo_t *info, void *context)
{
    fault_count++;
    if ((uint8_t *)info->si_addr < fault_page || (uint8_t *)info->si_addr >= fault_page + PAGE ||
        mprotect(fault_page, PAGE, PROT_READ | PROT_WRITE) != 0) {
        fault_is_wrong = 1;
        _exit(1);
    }
}

// A write to a page without rights: the handler gives them, the instruction is repeated.
int run_faults(struct slot *slot)
{
    struct sigaction action = { .sa_sigaction = resolve_fault, .sa_flags = SA_SIGINFO };
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    fault_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fault_page != MAP_FAILED);
    for (unsigned round = 1; goes_on(slot); round++) {
        volatile uint8_t *byte = fault_page + random_below(slot, PAGE);
        sig_atomic_t before = fault_count;
        CHECK(mprotect(fault_page, PAGE, random_below(slot, 2) ? PROT_NONE : PROT_READ) == 0);
        *byte = (uint8_t)round;
        CHECK(*byte == (uint8_t)round && fault_count == before + 1 && !fault_is_wrong);
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    CHECK(munmap(fault_page, PAGE) == 0);
    return 0;
}
