// Waiting in several queues at once: a wake-up that comes before the sleep is not forgotten, and
// one that comes every time does not keep the thread from minding signals and its deadline.
#include "syscall/poll_set.h"

#include "abi/errno.h"
#include "abi/file.h"
#include "cpu/clock.h"
#include "fs_fixture.h"
#include "test.h"
#include "threads.h"

#define FILES 6

static struct wait_queue queues[2];
static struct waiter *waiters[2];
static unsigned entered[2], wake_ups_to_come, sleeps;
static struct file files[2];

static uint32_t wait_in_first(struct file *file, struct wait_queue **queue)
{
    if (queue)
        *queue = &queues[0];
    return 0;
}

static uint32_t wait_in_second(struct file *file, struct wait_queue **queue)
{
    if (queue)
        *queue = &queues[1];
    return 0;
}

// Something happens to the first file while the second one's queue is entered; nothing to read yet.
static void wake_first(struct wait_queue *queue, struct waiter *waiter)
{
    for (unsigned i = 0; i < 2; i++) {
        if (queue != &queues[i])
            continue;
        waiters[i] = waiter;
        entered[i]++;
    }
    if (queue == &queues[1] && wake_ups_to_come > 0) {
        wake_ups_to_come--;
        atomic_store(&current_thread()->woken_awake, true);
    }
}

static void expect_in_both(void)
{
    CHECK(atomic_load(&waiters[0]->thread) != NULL && atomic_load(&waiters[1]->thread) != NULL);
    sleeps++;
}

// The files take turns.
static void start(struct poll_set *set, unsigned times)
{
    static const struct file_operations first = { .poll = wait_in_first };
    static const struct file_operations second = { .poll = wait_in_second };

    fs_start();
    files[0].operations = &first;
    files[1].operations = &second;
    CHECK_EQUAL(poll_set_allocate(set, FILES), 0);
    for (unsigned i = 0; i < FILES; i++) {
        set->entries[i].file = &files[i % 2];
        set->requests[i].events = POLLIN;
    }
    entered[0] = entered[1] = sleeps = 0;
    wake_ups_to_come = times;
    after_wait_prepare = wake_first;
    before_wait_block = expect_in_both;
}

static void end(struct poll_set *set)
{
    after_wait_prepare = NULL;
    before_wait_block = NULL;
    atomic_store(&current_thread()->work, 0);
    for (unsigned i = 0; i < FILES; i++)
        set->entries[i].file = NULL; // they are no files of the file system
    poll_set_free(set);
    fs_end();
}

TEST(poll_sleeps_only_when_nothing_came_meanwhile)
{
    struct poll_set set;

    start(&set, 2);
    (void)poll_set_wait(&set, WAIT_FOREVER);
    CHECK_EQUAL(wake_ups_to_come, 0);
    CHECK_EQUAL(entered[1], 3);
    CHECK_EQUAL(sleeps, 1);
    end(&set);
}

TEST(poll_waits_once_in_each_queue)
{
    struct poll_set set;

    start(&set, 0);
    (void)poll_set_wait(&set, WAIT_FOREVER);
    CHECK_EQUAL(entered[0], 1);
    CHECK_EQUAL(entered[1], 1);
    end(&set);
}

TEST(poll_keeps_its_deadline_however_often_it_is_woken)
{
    struct poll_set set;

    start(&set, UINT32_MAX);
    CHECK_EQUAL(poll_set_wait(&set, clock_now_ns() + 1000000), 0);
    CHECK_EQUAL(sleeps, 0);
    end(&set);
}

TEST(poll_sees_work_however_often_it_is_woken)
{
    struct poll_set set;

    start(&set, UINT32_MAX);
    atomic_store(&current_thread()->work, THREAD_WORK_SIGNAL);
    CHECK_EQUAL(poll_set_wait(&set, WAIT_FOREVER), -ERESTARTNOHAND);
    CHECK_EQUAL(sleeps, 0);
    end(&set);
}
