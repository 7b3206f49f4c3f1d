// Scenes 11 and 12, the chapter's homework: what a system call costs, what a switch costs, and how
// fine the clocks are. The children only leave time stamps; the event ring says what happened.
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events.h"
#include "kernel_log.h"
#include "shared.h"

#define BATCHES 3
#define CALLS 500
#define CLOCK_READS 200
#define ROUNDS 100
#define ALARM_SECONDS 20
#define ICOUNT_HZ 1000000000ull // one instruction is one nanosecond of the counter
#define ICOUNT_MARGIN_HZ 1000000ull

static const char *unit(const struct ring *ring)
{
    bool is_icount = ring->tsc_hz >= ICOUNT_HZ - ICOUNT_MARGIN_HZ &&
                     ring->tsc_hz <= ICOUNT_HZ + ICOUNT_MARGIN_HZ && cpu_is_emulated();
    return is_icount ? "instructions" : "ns";
}

static int read_nothing(void *unused)
{
    char byte;
    int fd = open("/dev/null", O_RDONLY);
    for (int batch = 0; batch < BATCHES; batch++) {
        shared->words[batch * 2] = read_tsc();
        for (int i = 0; i < CALLS; i++)
            if (read(fd, &byte, 0) != 0)
                return 1;
        shared->words[batch * 2 + 1] = read_tsc();
    }
    return 0;
}

static uint64_t clock_us(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
}

// The smallest step that a clock shows between two looks; UINT64_MAX when it stood still.
static uint64_t smallest_step(uint64_t (*look)(void), unsigned *still)
{
    uint64_t smallest = UINT64_MAX, before = look();
    *still = 0;
    for (int i = 0; i < CLOCK_READS; i++) {
        uint64_t now = look();
        if (now == before)
            (*still)++;
        else if (now - before < smallest)
            smallest = now - before;
        before = now;
    }
    return smallest;
}

static uint64_t look_at_tsc(void)
{
    return read_tsc();
}

static void show_clocks(const struct ring *ring)
{
    unsigned still_us, still_tsc;
    uint64_t step_us = smallest_step(clock_us, &still_us);
    uint64_t step_ticks = smallest_step(look_at_tsc, &still_tsc);
    note("gettimeofday: smallest step %llu us; %u of %d looks saw no step at all",
         (unsigned long long)step_us, still_us, CLOCK_READS);
    note("rdtsc: smallest step %llu ticks (%llu ns); %u of %d looks saw none",
         (unsigned long long)step_ticks, (unsigned long long)ring_ns(ring, step_ticks), still_tsc,
         CLOCK_READS);
    expect(step_us < 1000000 && step_ticks != UINT64_MAX, "both clocks go, so they can measure");
}

static void show_one_call(const struct ring *ring, uint32_t thread)
{
    size_t entry = 0;
    for (int i = 0; i < CALLS / 2; i++)
        entry = ring_find(ring, entry + 1, thread, TRACE_ENTRY, VECTOR_SYSCALL, SYS_read);
    ring_show(ring, entry, ring_find(ring, entry, thread, TRACE_EXIT, ANY, ANY));
}

void show_call_cost(void)
{
    struct ring ring;
    uint64_t best = UINT64_MAX;
    shared_clear();
    uint64_t since = read_tsc();
    pid_t child = child_start(read_nothing, NULL);
    int status = child_wait(child);
    if (!ring_read(&ring, since))
        return;
    uint32_t thread = ring_thread(&ring, child);
    ring_forget_names();
    ring_name(thread, "A");
    show_one_call(&ring, thread);
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t ticks = shared->words[batch * 2 + 1] - shared->words[batch * 2];
        best = ticks < best ? ticks : best;
    }
    note("%d calls in a row, best of %d batches: %llu %s for one read() of 0 bytes", CALLS, BATCHES,
         (unsigned long long)ring_ns(&ring, best) / CALLS, unit(&ring));
    show_clocks(&ring);
    size_t calls = ring_count(&ring, thread, TRACE_ENTRY, VECTOR_SYSCALL, SYS_read);
    size_t quick = ring_count(&ring, thread, TRACE_EXIT, 1, ANY);
    expect(calls == CALLS * BATCHES, "the ring has seen %zu calls of read()", calls);
    expect(quick >= calls, "and %zu returns by SYSRET, the way that makes calls cheap", quick);
    expect(status == 0 && best > 0, "every one answered 0, and took its time");
}

struct balls {
    int to_a[2], to_b[2];
};

static int serve(void *argument)
{
    struct balls *balls = argument;
    char ball = 0;
    alarm(ALARM_SECONDS);
    for (int i = 0; i < ROUNDS; i++)
        if (write(balls->to_b[1], &ball, 1) != 1 || read(balls->to_a[0], &ball, 1) != 1)
            return 1;
    return 0;
}

static int answer(void *argument)
{
    struct balls *balls = argument;
    char ball;
    alarm(ALARM_SECONDS);
    for (int i = 0; i < ROUNDS; i++)
        if (read(balls->to_b[0], &ball, 1) != 1 || write(balls->to_a[1], &ball, 1) != 1)
            return 1;
    return 0;
}

// Between the events `first` and `last`: switches from `a` to `b` because `a` waits, and the time
// from the decision to the first step of `b`, in all.
static size_t count_handovers(const struct ring *ring, uint32_t a, uint32_t b, size_t first,
                              size_t last, uint64_t *ticks)
{
    size_t count = 0, end;
    for (size_t at = first; (at = ring_find(ring, at, a, TRACE_SWITCH, b, SWITCH_BLOCKED)) < last;
         at++) {
        end = ring_find(ring, at, b, TRACE_EXIT, ANY, ANY);
        if (end >= last)
            break;
        *ticks += ring->events[end].tsc - ring->events[at].tsc;
        count++;
    }
    return count;
}

static void show_one_trip(const struct ring *ring, uint32_t a, uint32_t b)
{
    size_t begin = ring->count / 2;
    begin = ring_find(ring, begin, a, TRACE_ENTRY, VECTOR_SYSCALL, SYS_write);
    size_t handover = ring_find(ring, begin, a, TRACE_SWITCH, b, SWITCH_BLOCKED);
    ring_show(ring, begin, ring_find(ring, handover, b, TRACE_EXIT, ANY, ANY));
}

static void judge_trips(const struct ring *ring, uint32_t a, uint32_t b)
{
    uint64_t ticks = 0;
    size_t first = ring_find(ring, 0, a, TRACE_SWITCH, b, SWITCH_BLOCKED), last = first;
    for (size_t at = first; at < ring->count;
         at = ring_find(ring, at + 1, a, TRACE_SWITCH, b, SWITCH_BLOCKED))
        last = at;
    // Whole trips: what the machine stood still before or after is none of theirs.
    size_t there = count_handovers(ring, a, b, first, last, &ticks);
    size_t back = count_handovers(ring, b, a, first, last, &ticks);
    if (!expect(there >= ROUNDS / 2 && back >= ROUNDS / 2,
                "A waited for B %zu times, B for A %zu times, and each wait was a switch", there,
                back))
        return;
    uint64_t trip = ring_ns(ring, ring->events[last].tsc - ring->events[first].tsc) / there;
    uint64_t step = ring_ns(ring, ticks) / (there + back);
    show_one_trip(ring, a, b);
    note("there and back: %llu %s: two switches, two writes, two reads", (unsigned long long)trip,
         unit(ring));
    note("of which the switch, from the decision to the other program: %llu %s",
         (unsigned long long)step, unit(ring));
    expect(step > 0 && 2 * step <= trip, "a switch costs something, and two fit into a round trip");
}

void show_switch_cost(void)
{
    struct balls balls;
    struct ring ring;
    if (pipe(balls.to_a) != 0 || pipe(balls.to_b) != 0)
        fail("pipe");
    uint64_t since = read_tsc();
    pid_t pids[2] = { child_start(serve, &balls), child_start(answer, &balls) };
    int statuses[2] = { child_wait(pids[0]), child_wait(pids[1]) };
    for (int i = 0; i < 2; i++) {
        close(balls.to_a[i]);
        close(balls.to_b[i]);
    }
    if (!ring_read(&ring, since))
        return;
    uint32_t a = ring_thread(&ring, pids[0]), b = ring_thread(&ring, pids[1]);
    ring_forget_names();
    ring_name(a, "A");
    ring_name(b, "B");
    judge_trips(&ring, a, b);
    expect(statuses[0] == 0 && statuses[1] == 0, "all %d balls came back", ROUNDS);
}
