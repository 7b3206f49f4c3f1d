// Scenes 6 and 7: how the kernel gets the CPU back. Two children on one CPU, polite or looping; the
// event ring says who gave it away and why.
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "instructions.h"
#include "kernel_log.h"

#define YIELDS 20
#define SHOWN_HANDOVER 10            // by then both know their way
#define LOOP_LIMIT_NS 20000000000ull // of a loop that nobody releases
#define LOOK_LIMIT 100
#define LOOK_PAUSE_NS 50000000u // a few slices
#define HIJACK_NS 200000000ull

struct pair {
    pid_t pids[2];
    uint32_t threads[2];
    int statuses[2];
};

static uint64_t tsc_hz; // as the ring says

static int yield_often(void *unused)
{
    while (atomic_load(&shared->release) == 0)
        sched_yield();
    for (int i = 0; i < YIELDS; i++)
        sched_yield();
    return 0;
}

static int loop(void *duration_ns)
{
    loop_until(read_tsc() + *(uint64_t *)duration_ns / 1000 * tsc_hz / 1000000);
    return 0;
}

static int be_polite(void *unused)
{
    while (atomic_load(&shared->release) == 0)
        sched_yield();
    return 0;
}

// Lets both run to their ends; false when the ring does not know them.
static bool pair_finish(struct pair *pair, struct ring *ring, uint64_t since)
{
    for (int i = 0; i < 2; i++)
        pair->statuses[i] = child_wait(pair->pids[i]);
    if (!ring_read(ring, since))
        return false;
    ring_forget_names();
    for (int i = 0; i < 2; i++) {
        pair->threads[i] = ring_thread(ring, pair->pids[i]);
        ring_name(pair->threads[i], i == 0 ? "A" : "B");
    }
    return expect(pair->threads[0] != ANY_THREAD && pair->threads[1] != ANY_THREAD,
                  "the ring has seen A and B");
}

static void hand_over_politely(void)
{
    struct pair pair;
    struct ring ring;
    shared_clear();
    uint64_t since = read_tsc();
    pair.pids[0] = child_start(yield_often, NULL);
    pair.pids[1] = child_start(yield_often, NULL);
    atomic_store(&shared->release, 1);
    if (!pair_finish(&pair, &ring, since))
        return;
    uint32_t a = pair.threads[0], b = pair.threads[1];
    size_t begin = 0, end = 0;
    for (int i = 0; i < SHOWN_HANDOVER && begin < ring.count; i++) {
        begin = ring_find(&ring, end, a, TRACE_ENTRY, VECTOR_SYSCALL, SYS_sched_yield);
        end = ring_find(&ring, begin, a, TRACE_EXIT, ANY, ANY);
    }
    if (end < ring.count)
        ring_show(&ring, begin, end);
    size_t there = ring_count(&ring, a, TRACE_SWITCH, b, SWITCH_YIELDED);
    size_t back = ring_count(&ring, b, TRACE_SWITCH, a, SWITCH_YIELDED);
    // The console draws meanwhile, and a machine that stood still ends a slice: some go elsewhere.
    expect(there >= YIELDS / 2 && back >= YIELDS / 2,
           "A handed over to B %zu times and B to A %zu times, by sched_yield()", there, back);
    expect(pair.statuses[0] == 0 && pair.statuses[1] == 0, "both came to their ends");
}

// With timer=off: a polite program waits until the loop is pleased to end.
static void hijack(void)
{
    struct pair pair;
    struct ring ring;
    uint64_t duration = HIJACK_NS;
    if (!ring_read(&ring, 0))
        return;
    tsc_hz = ring.tsc_hz;
    shared_clear();
    uint64_t since = read_tsc();
    pair.pids[0] = child_start(be_polite, NULL);
    pair.pids[1] = child_start(loop, &duration);
    int status = child_wait(pair.pids[1]);
    atomic_store(&shared->release, 1);
    pair.statuses[0] = child_wait(pair.pids[0]);
    if (!ring_read(&ring, since))
        return;
    uint32_t thread = ring_thread(&ring, pair.pids[1]);
    size_t end = ring_find(&ring, 0, thread, TRACE_ENTRY, VECTOR_SYSCALL, SYS_exit_group);
    size_t begin = ring_find(&ring, 0, thread, TRACE_EXIT, ANY, ANY);
    if (!expect(status == 0 && begin < end && end < ring.count, "B looped and ended"))
        return;
    uint64_t longest = 0;
    for (size_t next; begin < end; begin = next) {
        next = ring_find(&ring, begin + 1, ANY_THREAD, TRACE_ENTRY, VECTOR_SYSCALL, ANY);
        uint64_t stretch = ring_ns(&ring, ring.events[next].tsc - ring.events[begin].tsc);
        longest = stretch > longest ? stretch : longest;
    }
    expect(longest >= HIJACK_NS * 9 / 10,
           "B kept the CPU for %llu ms; nobody, the kernel included, could stop it",
           (unsigned long long)longest / 1000000);
}

void show_cooperative(void)
{
    hand_over_politely();
    if (kernel_timer_is_off()) {
        hijack();
        return;
    }
    note("What a loop makes of this approach, in a boot of its own: put `timer=off`");
    note("on the kernel command line (cmdline.txt on a stick), or:");
    note("  make run CMDLINE=\"timer=off -- /bin/sleepvsloop\"   (leave by Ctrl-A X)");
    note("  make run CMDLINE=\"timer=off -- /bin/tour,cooperative\"");
}

static bool is_in_loop(uint64_t rip)
{
    return rip >= (uint64_t)loop_begin && rip < (uint64_t)loop_end;
}

// The first of A's slices that ended inside its loop, with B looping on from where it was.
static bool find_takeover(const struct ring *ring, uint32_t a, uint32_t b, size_t *entry,
                          size_t *end)
{
    size_t at = 0;
    while ((at = ring_find(ring, at, a, TRACE_SWITCH, b, SWITCH_SLICE_OVER)) < ring->count) {
        *entry = ring_find_before(ring, at, a, TRACE_ENTRY, ANY, ANY);
        *end = ring_find(ring, at, b, TRACE_EXIT, ANY, ANY);
        if (*entry < at && *end < ring->count && ring->events[*entry].a == VECTOR_TIMER &&
            is_in_loop(ring->events[*entry].b) && is_in_loop(ring->events[*end].b))
            return true;
        at++;
    }
    return false;
}

// Waits until the ring has what the scene is to show. A machine that stands still for long spoils
// single slices, never the loops.
static void wait_for_takeover(const struct pair *pair, uint64_t since)
{
    struct ring ring;
    size_t entry, end;
    for (int i = 0; i < LOOK_LIMIT; i++) {
        sleep_ns(LOOK_PAUSE_NS);
        if (ring_load(&ring, since) != NULL)
            return;
        uint32_t a = ring_thread(&ring, pair->pids[0]), b = ring_thread(&ring, pair->pids[1]);
        if (a != ANY_THREAD && b != ANY_THREAD && find_takeover(&ring, a, b, &entry, &end))
            return;
    }
}

static void judge_loops(const struct pair *pair, const struct ring *ring)
{
    size_t slices = 0, yields = 0;
    for (int i = 0; i < 2; i++) {
        slices += ring_count(ring, pair->threads[i], TRACE_SWITCH, ANY, SWITCH_SLICE_OVER);
        yields += ring_count(ring, pair->threads[i], TRACE_SWITCH, ANY, SWITCH_YIELDED);
    }
    expect(slices > 0, "the kernel took the CPU away %zu times, without being asked", slices);
    expect(yields == 0, "neither of them ever gave it away");
    expect(pair->statuses[0] == 0 && pair->statuses[1] == 0, "both came to their ends");
}

void show_timer(void)
{
    struct pair pair;
    struct ring ring;
    uint64_t limit = LOOP_LIMIT_NS;
    size_t entry, end;
    if (kernel_timer_is_off()) {
        not_shown("  This boot has timer=off: there is no timer interrupt to show.");
        return;
    }
    if (!ring_read(&ring, 0))
        return;
    tsc_hz = ring.tsc_hz;
    shared_clear();
    uint64_t since = read_tsc();
    pair.pids[0] = child_start(loop, &limit);
    pair.pids[1] = child_start(loop, &limit);
    wait_for_takeover(&pair, since);
    atomic_store(&shared->release, 1);
    if (!pair_finish(&pair, &ring, since))
        return;
    bool found = find_takeover(&ring, pair.threads[0], pair.threads[1], &entry, &end);
    if (found)
        ring_show(&ring, entry, end);
    expect(found, "the timer stopped A inside its loop, and B went on in its own");
    judge_loops(&pair, &ring);
}
