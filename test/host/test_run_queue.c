// What others see of a run queue without its lock: how many wait, and how many of those an idle CPU
// may take over.
#include "sched/run_queue.h"
#include "test.h"

static struct thread running;
static struct percpu cpu;

static struct run_queue busy_queue(void)
{
    return (struct run_queue){ .cpu = &cpu, .queue.running = &running };
}

TEST(run_queue_of_pinned_threads_has_none_to_spare)
{
    struct run_queue queue = busy_queue();
    struct thread pinned = { .wait_units = WAIT_PINNED };

    run_queue_count_waiter(&queue, &pinned);
    run_queue_count_waiter(&queue, &pinned);
    CHECK_EQUAL(run_queue_waiting(&queue), 2);
    CHECK_EQUAL(run_queue_spare(&queue), 0);
    run_queue_discount_waiter(&queue, &pinned);
    run_queue_discount_waiter(&queue, &pinned);
    CHECK_EQUAL(queue.waiting, 0);
}

TEST(run_queue_spares_those_who_may_move)
{
    struct run_queue queue = busy_queue();
    struct thread pinned = { .wait_units = WAIT_PINNED };
    struct thread movable = { .wait_units = WAIT_MOVABLE };

    run_queue_count_waiter(&queue, &pinned);
    run_queue_count_waiter(&queue, &movable);
    CHECK_EQUAL(run_queue_waiting(&queue), 2);
    CHECK_EQUAL(run_queue_spare(&queue), 1);
    run_queue_discount_waiter(&queue, &pinned);
    CHECK_EQUAL(run_queue_spare(&queue), 1);
    run_queue_discount_waiter(&queue, &movable);
    CHECK_EQUAL(queue.waiting, 0);
}

TEST(run_queue_of_an_idle_cpu_has_none_to_spare)
{
    struct run_queue queue = busy_queue();
    struct thread movable = { .wait_units = WAIT_MOVABLE };

    run_queue_count_waiter(&queue, &movable);
    queue.queue.running = NULL; // it is about to run the one that waits
    CHECK_EQUAL(run_queue_waiting(&queue), 1);
    CHECK_EQUAL(run_queue_spare(&queue), 0);
}
