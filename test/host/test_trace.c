// The event ring: what is overwritten and counted, and that a reader never takes a half-written or
// an older event for the one it asks for. read_tsc() lies between the reservation of a slot and its
// filling, so what it calls here is an NMI at the worst moment.
#include <pthread.h>
#include <string.h>

#include "cpu/registers.h"
#include "debug/trace.h"
#include "stubs.h"
#include "test.h"

#define ROOM 64u
#define MANY 20000000u

static struct trace_event slots[ROOM] __attribute__((aligned(64)));
static uint64_t now;
static void (*nmi)(void);

static uint64_t read_tsc_with_nmi(void)
{
    void (*handler)(void) = nmi;

    nmi = NULL; // NMIs do not nest
    if (handler)
        handler();
    return ++now;
}

static void start_ring(void)
{
    fake_tsc = read_tsc_with_nmi;
    trace_add_ring(this_cpu(), slots, ROOM);
}

static void record_numbers(uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        trace(TRACE_WAKE, i, ~i);
}

// All that the ring holds.
static size_t copy_held(struct trace_event events[ROOM])
{
    uint64_t lost;
    uint64_t held = trace_count(0, &lost);

    return trace_copy(0, lost, events, held);
}

TEST(trace_keeps_the_newest_and_counts_the_lost)
{
    struct trace_event events[ROOM];
    uint64_t lost;

    trace(TRACE_WAKE, 1, 1); // no ring yet: dropped
    start_ring();
    CHECK_EQUAL(trace_count(0, &lost), 0);
    record_numbers(0, ROOM);
    CHECK_EQUAL(trace_count(0, &lost), ROOM);
    CHECK_EQUAL(lost, 0);
    record_numbers(ROOM, 36);
    CHECK_EQUAL(trace_count(0, &lost), ROOM);
    CHECK_EQUAL(lost, 36);
    CHECK_EQUAL(trace_copy(0, lost, events, ROOM), ROOM);
    for (uint64_t i = 0; i < ROOM; i++)
        CHECK_EQUAL(events[i].a, i + 36);
    CHECK_EQUAL(trace_copy(0, 0, events, ROOM), ROOM - 36); // some of these are lost
    CHECK_EQUAL(events[0].a, 36);
    CHECK_EQUAL(trace_copy(0, lost + ROOM - 1, events, ROOM), 1);
    CHECK_EQUAL(trace_copy(0, lost + ROOM, events, ROOM), 0);
}

TEST(trace_events_carry_type_thread_and_time)
{
    struct trace_event events[3];

    start_ring();
    trace(TRACE_FORK, 7, 1);
    trace_switched(9, 0x1000);
    trace_step(STEP_CREATE_ENTRY, 7);
    CHECK_EQUAL(trace_copy(0, 0, events, 3), 3);
    CHECK_EQUAL(events[0].type, TRACE_FORK);
    CHECK_EQUAL(events[0].thread, 0);
    CHECK_EQUAL(events[1].type, TRACE_SWITCHED);
    CHECK_EQUAL(events[1].thread, 9);
    CHECK_EQUAL(events[2].type, TRACE_STEP);
    CHECK_EQUAL(events[2].thread, 9);
    CHECK_EQUAL(events[2].a, STEP_CREATE_ENTRY);
    CHECK(events[0].tsc < events[1].tsc && events[1].tsc < events[2].tsc);
}

static size_t seen_by_nmi;
static struct trace_event by_nmi[ROOM];

static void record_and_read(void)
{
    uint64_t lost;
    uint64_t held = trace_count(0, &lost);

    trace(TRACE_FAULT, 2, ~2ull);
    seen_by_nmi = trace_copy(0, lost + 1, by_nmi, held);
}

// The slot that is reserved holds the event of one round ago; its reader must not take that for
// the new one.
TEST(trace_nmi_between_reservation_and_filling)
{
    struct trace_event events[ROOM];

    start_ring();
    record_numbers(0, ROOM + 10);
    nmi = record_and_read;
    trace(TRACE_WAKE, 1000, ~1000ull);
    // The reader saw all but ours, which was the last but one.
    CHECK_EQUAL(seen_by_nmi, ROOM - 1);
    for (size_t i = 0; i < ROOM - 2; i++)
        CHECK_EQUAL(by_nmi[i].a, i + 12);
    CHECK_EQUAL(by_nmi[ROOM - 2].type, TRACE_FAULT);
    CHECK_EQUAL(copy_held(events), ROOM);
    CHECK_EQUAL(events[ROOM - 2].a, 1000);
    CHECK_EQUAL(events[ROOM - 2].b, ~1000ull);
    CHECK_EQUAL(events[ROOM - 2].type, TRACE_WAKE);
    CHECK_EQUAL(events[ROOM - 1].type, TRACE_FAULT);
    CHECK_EQUAL(events[ROOM - 1].a, 2);
}

static void record_two_rounds(void)
{
    record_numbers(5000, 2 * ROOM);
}

// What no NMI does: it goes round. The late event is lost, none is shown in another's place.
TEST(trace_nmi_that_goes_round)
{
    struct trace_event events[ROOM];

    start_ring();
    record_numbers(0, 3);
    nmi = record_two_rounds;
    trace(TRACE_WAKE, 1000, ~1000ull);
    CHECK_EQUAL(copy_held(events), ROOM - 1);
    for (size_t i = 0; i < ROOM - 1; i++) {
        CHECK(events[i].a >= 5000);
        CHECK_EQUAL(events[i].b, ~events[i].a);
    }
}

static volatile bool writer_is_done;

static void *write_many(void *argument)
{
    record_numbers(0, MANY);
    writer_is_done = true;
    return argument;
}

// Another CPU reads, the oldest above all, while this one writes: all that is copied is whole, and
// in its place.
TEST(trace_reader_sees_no_torn_event)
{
    struct trace_event events[ROOM];
    pthread_t writer;
    uint64_t checked = 0;

    start_ring();
    CHECK_EQUAL(pthread_create(&writer, NULL, write_many, NULL), 0);
    do {
        uint64_t lost;
        uint64_t held = trace_count(0, &lost);
        size_t count = trace_copy(0, lost, events, checked % 16 ? min_of(held, 4ull) : held);
        for (size_t i = 0; i < count; i++) {
            CHECK_EQUAL(events[i].b, ~events[i].a);
            CHECK_EQUAL(events[i].type, TRACE_WAKE);
            CHECK(i == 0 || events[i].a > events[i - 1].a);
        }
        checked += count;
    } while (!writer_is_done);
    pthread_join(writer, NULL);
    CHECK(checked > ROOM);
}

TEST(trace_kept_events_stay)
{
    const struct trace_event *events;

    for (uint64_t i = 0; i < 2 * TRACE_KEPT_LIMIT; i++)
        trace_keep(TRACE_STEP, STEP_BEGIN, i);
    CHECK_EQUAL(trace_kept(&events), TRACE_KEPT_LIMIT);
    for (uint64_t i = 0; i < TRACE_KEPT_LIMIT; i++)
        CHECK_EQUAL(events[i].b, i);
}

TEST(trace_names_are_cut_to_eight_bytes)
{
    char name[16] = "exec-init";
    struct trace_event event;

    start_ring();
    trace_name(7, 3, name);
    CHECK_EQUAL(trace_copy(0, 0, &event, 1), 1);
    CHECK_EQUAL(event.a, 7 | 3ull << 32);
    CHECK(memcmp(&event.b, "exec-ini", 8) == 0);
    CHECK_EQUAL(trace_short_name("sh"), 's' | 'h' << 8);
}
