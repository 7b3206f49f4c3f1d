// What one CPU's queue gives to another CPU, under each policy: only who may go there, everybody
// who may, each once; and that what a thread has had and holds goes with it. Expectations follow
// the rules of OSTEP chapters 8 and 9 and sched/policy.h, on paper.
#include "abi/sched.h"
#include "sched/policy.h"
#include "sched/weight.h"
#include "test.h"

#define SLICE 1000ull
#define SECOND (1000 * SLICE)
#define HERE 0u
#define THERE 1u
#define COUNT 12u

static struct policy_queue queue, other;
static struct thread threads[COUNT];
static uint64_t now;

static const struct policy *const all_policies[] = { &policy_round_robin, &policy_mlfq,
                                                     &policy_stride, &policy_lottery,
                                                     &policy_fair };

static void start(const struct policy *policy)
{
    now = 0;
    policy_queue_init(&queue, policy, SLICE, SECOND);
    policy_queue_init(&other, policy, SLICE, SECOND);
    for (unsigned i = 0; i < COUNT; i++) {
        threads[i] = (struct thread){ .policy.weight = WEIGHT_NICE_0 };
        cpu_mask_add(&threads[i].affinity, HERE);
        cpu_mask_add(&threads[i].affinity, THERE);
    }
}

static void pin_here(unsigned number)
{
    threads[number].affinity = (struct cpu_mask){ { 0 } };
    cpu_mask_add(&threads[number].affinity, HERE);
}

static long number_of(const struct thread *thread)
{
    return thread ? thread - threads : -1;
}

static void wake(struct policy_queue *where, unsigned number)
{
    policy_enqueue(where, &threads[number], RUNNABLE_WOKEN);
}

// Who is next runs that long, and is done with its slice.
static long run(struct policy_queue *where, uint64_t ticks)
{
    struct thread *next = policy_pick_next(where, now);

    now += ticks;
    policy_account(where, now);
    if (next) {
        next->policy.slice_left = 0;
        policy_enqueue(where, next, RUNNABLE_SLICE_OVER);
    }
    return number_of(next);
}

static long picked(struct policy_queue *where)
{
    return number_of(policy_pick_next(where, now));
}

static long stolen(void)
{
    return number_of(policy_steal(&queue, THERE));
}

static long move_one(void)
{
    struct thread *thread = policy_steal(&queue, THERE);

    if (thread)
        policy_enqueue(&other, thread, RUNNABLE_MOVED);
    return number_of(thread);
}

// In whatever way they came to wait, some of fixed priority. Returns who may go.
static uint32_t fill(void)
{
    static const enum runnable_reason reasons[] = { RUNNABLE_WOKEN, RUNNABLE_WOKEN_BY_INTERRUPT,
                                                    RUNNABLE_PREEMPTED, RUNNABLE_SLICE_OVER,
                                                    RUNNABLE_MOVED };
    uint32_t movable = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        struct policy_entity *entity = &threads[i].policy;
        entity->weight = 1 + (uint32_t)random_below(5000);
        entity->slice_left = random_below(2) * (SLICE / 2);
        if (random_below(4) == 0)
            entity->rights = (struct thread_rights){ .policy = SCHED_FIFO,
                                                     .realtime_priority = 1 + (uint8_t)(i % 3) };
        if (random_below(2) == 0)
            pin_here(i);
        else
            movable |= 1u << i;
        policy_enqueue(&queue, &threads[i], reasons[random_below(ARRAY_SIZE(reasons))]);
        if (random_below(2) == 0)
            run(&queue, random_below(3 * SLICE));
    }
    return movable;
}

static uint32_t take_all(long (*take)(void))
{
    uint32_t taken = 0;

    for (long number; (number = take()) >= 0;) {
        CHECK((taken & 1u << number) == 0);
        taken |= 1u << number;
    }
    return taken;
}

static long pick_here(void)
{
    return picked(&queue);
}

static long pick_there(void)
{
    return picked(&other);
}

TEST(policy_stealing_takes_all_who_may_go_and_nobody_else)
{
    for (unsigned turn = 0; turn < 500; turn++) {
        start(all_policies[turn % ARRAY_SIZE(all_policies)]);
        uint32_t movable = fill();
        CHECK_EQUAL(take_all(move_one), movable);
        CHECK_EQUAL(take_all(pick_here), ~movable & ((1u << COUNT) - 1));
        CHECK_EQUAL(take_all(pick_there), movable);
    }
}

// Rule 1: the higher level runs first, so it is who gains most; in a level, who came first.
TEST(mlfq_gives_away_from_the_top)
{
    start(&policy_mlfq);
    for (unsigned i = 0; i < 4; i++)
        wake(&queue, i);
    CHECK_EQUAL(run(&queue, SLICE), 0); // down to the second level
    pin_here(1);
    CHECK_EQUAL(stolen(), 2);
    CHECK_EQUAL(stolen(), 3);
    CHECK_EQUAL(stolen(), 0);
    CHECK_EQUAL(stolen(), -1);
    CHECK_EQUAL(picked(&queue), 1);
    CHECK_EQUAL(picked(&queue), -1);
}

// Rule 4: what it used up of its allotment counts, on whichever CPU it did. The second level's is
// two slices here.
TEST(mlfq_levels_and_allotments_move_along)
{
    start(&policy_mlfq);
    wake(&queue, 0);
    CHECK_EQUAL(run(&queue, SLICE), 0); // all of the first level
    CHECK_EQUAL(run(&queue, SLICE), 0); // and half of the second
    CHECK_EQUAL(move_one(), 0);
    wake(&other, 1);
    CHECK_EQUAL(run(&other, SLICE), 1); // it is new; then it is behind thread 0
    CHECK_EQUAL(picked(&other), 0);
    CHECK_EQUAL(threads[0].policy.slice_left, SLICE); // the other half
    now += SLICE;
    policy_account(&other, now);
    threads[0].policy.slice_left = 0;
    policy_enqueue(&other, &threads[0], RUNNABLE_SLICE_OVER);
    CHECK_EQUAL(picked(&other), 1); // a level above it now
}

// Rule 5, per queue: a hundred slices of running bring all up who wait there, and nobody else.
TEST(mlfq_boosts_count_where_a_thread_waits)
{
    start(&policy_mlfq);
    wake(&queue, 0);
    CHECK_EQUAL(run(&queue, SLICE), 0); // at the second level
    wake(&queue, 1);
    pin_here(1);
    CHECK_EQUAL(run(&queue, 100 * SLICE), 1); // a boost, which thread 0 waited for
    CHECK_EQUAL(move_one(), 0);
    wake(&other, 2);
    CHECK_EQUAL(picked(&other), 0); // at the top, where it came first

    start(&policy_mlfq);
    wake(&other, 2);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQUAL(run(&other, 100 * SLICE), 2); // boosts of the others
    wake(&queue, 0);
    CHECK_EQUAL(run(&queue, SLICE), 0);
    CHECK_EQUAL(move_one(), 0); // at the second level there, too
    wake(&other, 1);
    CHECK_EQUAL(picked(&other), 2);
    CHECK_EQUAL(picked(&other), 1);
    CHECK_EQUAL(picked(&other), 0);
}

// So often `number` is drawn. A ticket that nobody holds any more would end the drawing.
static unsigned wins(struct policy_queue *where, long number, unsigned drawings)
{
    unsigned count = 0;

    for (unsigned i = 0; i < drawings; i++)
        count += run(where, SLICE) == number;
    return count;
}

// Four standard deviations about what the tickets say.
TEST(lottery_tickets_move_along)
{
    static const uint32_t tickets[] = { 300, 200, 100, 300 };

    start(&policy_lottery);
    for (unsigned i = 0; i < ARRAY_SIZE(tickets); i++) {
        threads[i].policy.weight = tickets[i];
        wake(&queue, i);
    }
    pin_here(0);
    pin_here(3);
    CHECK_EQUAL(take_all(move_one), 1u << 1 | 1u << 2);
    unsigned half = wins(&queue, 0, 1000), two_thirds = wins(&other, 1, 3000);
    CHECK(half > 500 - 64 && half < 500 + 64);
    CHECK(two_thirds > 2000 - 104 && two_thirds < 2000 + 104);
}

// Who has part of a won slice left may go as well; there it takes part in the drawing.
TEST(lottery_gives_away_who_has_won)
{
    start(&policy_lottery);
    wake(&queue, 0);
    pin_here(0);
    threads[1].policy.slice_left = SLICE / 2;
    policy_enqueue(&queue, &threads[1], RUNNABLE_WOKEN_BY_INTERRUPT);
    CHECK_EQUAL(move_one(), 1);
    CHECK_EQUAL(move_one(), -1);
    CHECK_EQUAL(picked(&queue), 0);
    CHECK_EQUAL(picked(&queue), -1);
    wake(&other, 2);
    unsigned half = wins(&other, 1, 1000);
    CHECK(half > 500 - 64 && half < 500 + 64);
    CHECK(picked(&other) >= 0);
    CHECK_EQUAL(other.running->policy.slice_left, SLICE);
}
