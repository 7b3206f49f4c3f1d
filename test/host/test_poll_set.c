// Waiting in several queues at once: a wake-up that comes while they are prepared one after the
// other takes its waiter out, and must not leave the thread asleep where nobody would wake it.
#include "syscall/poll_set.h"

#include "abi/file.h"
#include "fs_fixture.h"
#include "test.h"
#include "threads.h"

static struct wait_queue queues[2];
static struct waiter *waiters[2];
static unsigned prepared[2], wake_ups_to_come;

static uint32_t wait_in_first(struct file *file, struct wait_queue **queue)
{
    *queue = &queues[0];
    return 0;
}

static uint32_t wait_in_second(struct file *file, struct wait_queue **queue)
{
    *queue = &queues[1];
    return 0;
}

// Something happens to the first file while the second one's queue is prepared; nothing to read
// yet.
static void wake_first(struct wait_queue *queue, struct waiter *waiter)
{
    for (unsigned i = 0; i < 2; i++) {
        if (queue != &queues[i])
            continue;
        waiters[i] = waiter;
        prepared[i]++;
    }
    if (queue == &queues[1] && wake_ups_to_come > 0) {
        wake_ups_to_come--;
        atomic_store(&waiters[0]->thread, NULL);
    }
}

static void expect_in_both(void)
{
    CHECK(atomic_load(&waiters[0]->thread) != NULL && atomic_load(&waiters[1]->thread) != NULL);
}

TEST(poll_sleeps_only_in_all_its_queues)
{
    static const struct file_operations first = { .poll = wait_in_first };
    static const struct file_operations second = { .poll = wait_in_second };
    static struct file files[2] = { { .operations = &first }, { .operations = &second } };
    struct poll_set set;

    fs_start();
    CHECK_EQUAL(poll_set_allocate(&set, 2), 0);
    for (unsigned i = 0; i < 2; i++) {
        set.entries[i].file = &files[i];
        set.requests[i].events = POLLIN;
        prepared[i] = 0;
    }
    wake_ups_to_come = 2;
    after_wait_prepare = wake_first;
    before_wait_block = expect_in_both;
    (void)poll_set_wait(&set, WAIT_FOREVER);
    after_wait_prepare = NULL;
    before_wait_block = NULL;
    CHECK_EQUAL(prepared[0], 3);
    CHECK_EQUAL(wake_ups_to_come, 0);
    set.entries[0].file = set.entries[1].file = NULL; // they are no files of the file system
    poll_set_free(&set);
    fs_end();
}
