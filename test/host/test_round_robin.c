// Round robin as a pure policy: turns, whole slices, and what a wake-up from outside is worth.
#include "sched/policy.h"
#include "test.h"

#define SLICE 1000u

static struct policy_queue queue;
static struct thread threads[3];
static const struct policy *const policy = &policy_round_robin;

static void start(void)
{
    policy_queue_init(&queue, policy, SLICE, 1000 * SLICE);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++) {
        threads[i].policy.slice_left = 0;
        list_init(&threads[i].policy.link);
    }
}

static void enqueue(unsigned number, enum runnable_reason reason)
{
    policy->enqueue(&queue, &threads[number], reason);
}

static long picked(void)
{
    struct thread *next = policy->pick_next(&queue);
    return next ? next - threads : -1;
}

TEST(round_robin_takes_turns_with_whole_slices)
{
    start();
    for (unsigned i = 0; i < 3; i++)
        enqueue(i, RUNNABLE_WOKEN);
    for (unsigned turn = 0; turn < 7; turn++) {
        unsigned number = turn % 3;
        CHECK_EQUAL(picked(), number);
        CHECK_EQUAL(threads[number].policy.slice_left, SLICE);
        threads[number].policy.slice_left = turn; // what is left of a slice given away is lost
        enqueue(number, RUNNABLE_YIELDED);
    }
    CHECK_EQUAL(threads[0].policy.slice_left, 0);
}

TEST(round_robin_puts_who_used_its_slice_up_last)
{
    start();
    enqueue(1, RUNNABLE_WOKEN);
    threads[0].policy.slice_left = 0;
    enqueue(0, RUNNABLE_SLICE_OVER);
    enqueue(2, RUNNABLE_WOKEN);
    CHECK_EQUAL(picked(), 1);
    CHECK_EQUAL(picked(), 0);
    CHECK_EQUAL(picked(), 2);
}

TEST(round_robin_gives_away_who_may_go_and_has_waited_longest)
{
    start();
    for (unsigned i = 0; i < 3; i++) {
        threads[i].affinity = (struct cpu_mask){ { 1 } };
        enqueue(i, RUNNABLE_WOKEN);
    }
    CHECK(policy_steal(&queue, 1) == NULL);
    cpu_mask_add(&threads[1].affinity, 1);
    cpu_mask_add(&threads[2].affinity, 1);
    CHECK(policy_steal(&queue, 1) == &threads[1]);
    CHECK(policy_steal(&queue, 1) == &threads[2]);
    CHECK(policy_steal(&queue, 1) == NULL);
    CHECK_EQUAL(picked(), 0);
}

TEST(round_robin_wakes_by_threads_in_turn)
{
    start();
    enqueue(0, RUNNABLE_WOKEN);
    threads[1].policy.slice_left = SLICE / 2;
    enqueue(1, RUNNABLE_WOKEN);
    CHECK_EQUAL(picked(), 0);
    CHECK_EQUAL(picked(), 1);
    CHECK_EQUAL(threads[1].policy.slice_left, SLICE);
    CHECK_EQUAL(picked(), -1);
}

// Thread 0 runs, 1 waits, 2 sleeps with half a slice left.
TEST(round_robin_puts_first_whom_an_interrupt_woke)
{
    start();
    enqueue(1, RUNNABLE_WOKEN);
    threads[2].policy.slice_left = SLICE / 2;
    enqueue(2, RUNNABLE_WOKEN_BY_INTERRUPT);
    CHECK(policy->should_preempt(&queue, &threads[2], RUNNABLE_WOKEN_BY_INTERRUPT));
    CHECK_EQUAL(picked(), 2);
    CHECK_EQUAL(threads[2].policy.slice_left, SLICE / 2);
    // Whom it displaced goes on after it, with what it had left.
    threads[0].policy.slice_left = SLICE / 4;
    enqueue(0, RUNNABLE_PREEMPTED);
    CHECK_EQUAL(picked(), 0);
    CHECK_EQUAL(threads[0].policy.slice_left, SLICE / 4);
    CHECK_EQUAL(picked(), 1);
}

// Sleeping shortly before the end of each slice gains nothing: the next wake-up waits its turn.
TEST(round_robin_has_no_second_slice_for_sleepers)
{
    start();
    enqueue(1, RUNNABLE_WOKEN);
    threads[2].policy.slice_left = 0; // it was used up
    enqueue(2, RUNNABLE_WOKEN_BY_INTERRUPT);
    CHECK(!policy->should_preempt(&queue, &threads[2], RUNNABLE_WOKEN_BY_INTERRUPT));
    CHECK_EQUAL(picked(), 1);
    CHECK_EQUAL(picked(), 2);
    CHECK_EQUAL(threads[2].policy.slice_left, SLICE);
}

// One interrupt wakes two that sleep: both run, in the order in which they were woken, before the
// one that makes way for them.
TEST(round_robin_puts_all_first_whom_an_interrupt_woke)
{
    start();
    threads[1].policy.slice_left = threads[2].policy.slice_left = SLICE / 2;
    enqueue(1, RUNNABLE_WOKEN_BY_INTERRUPT);
    enqueue(2, RUNNABLE_WOKEN_BY_INTERRUPT);
    CHECK_EQUAL(picked(), 1);
    threads[0].policy.slice_left = SLICE / 4;
    enqueue(0, RUNNABLE_PREEMPTED);
    CHECK_EQUAL(picked(), 2);
    // Back again, while the one that made way still waits; then taken out without running.
    enqueue(1, RUNNABLE_WOKEN_BY_INTERRUPT);
    policy->dequeue(&queue, &threads[1]);
    CHECK_EQUAL(picked(), 0);
    CHECK_EQUAL(picked(), -1);
}
