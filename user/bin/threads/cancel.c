// Cancellation: at a cancellation point, at once, never; cleanup handlers; in system calls.
#include "check.h"

#include <sched.h>
#include <unistd.h>

static atomic_int ready, cleaned;

static void clean(void *amount)
{
    cleaned += (int)(intptr_t)amount;
}

static void *cancel_and_join(pthread_t thread)
{
    errno = pthread_cancel(thread);
    if (errno != 0)
        fail("pthread_cancel");
    return thread_join(thread);
}

static void *wait_in_pause(void *argument)
{
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)10);
    ready = own_tid();
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static bool test_in_a_call(void)
{
    pthread_t thread = thread_begin(wait_in_pause, NULL);
    await(&ready, 1);
    await_sleep(ready);
    EXPECT(cancel_and_join(thread) == PTHREAD_CANCELED);
    EXPECT(cleaned == 11);
    return true;
}

static void *read_pipe(void *argument)
{
    char byte;
    const int *ends = argument;
    ready = own_tid();
    return (void *)(intptr_t)read(ends[0], &byte, 1);
}

static bool test_in_read(void)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pthread_t thread = thread_begin(read_pipe, ends);
    await(&ready, 1);
    await_sleep(ready);
    EXPECT(cancel_and_join(thread) == PTHREAD_CANCELED);
    EXPECT(write(ends[1], "x", 1) == 1); // still open, and nobody has read
    char byte;
    EXPECT(read(ends[0], &byte, 1) == 1);
    return true;
}

static atomic_int steps;

static void *spin_deferred(void *argument)
{
    ready = 1;
    await(&steps, 1); // sched_yield is no cancellation point
    steps = 2;
    pthread_testcancel();
    steps = 3;
    return NULL;
}

static bool test_deferred(void)
{
    pthread_t thread = thread_begin(spin_deferred, NULL);
    await(&ready, 1);
    EXPECT(pthread_cancel(thread) == 0);
    sleep_ns(10 * MILLISECONDS);
    steps = 1;
    EXPECT(thread_join(thread) == PTHREAD_CANCELED && steps == 2);
    return true;
}

static void *spin_for_ever(void *argument)
{
    int old;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    pthread_cleanup_push(clean, (void *)5);
    ready = 1;
    for (;;)
        __asm__ volatile("pause");
    pthread_cleanup_pop(0);
    return NULL;
}

static bool test_asynchronous(void)
{
    pthread_t thread = thread_begin(spin_for_ever, NULL);
    await(&ready, 1);
    EXPECT(cancel_and_join(thread) == PTHREAD_CANCELED && cleaned == 5);
    return true;
}

static void *refuse(void *argument)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    ready = 1;
    await(&steps, 1);
    sleep_ns(5 * MILLISECONDS); // would be a cancellation point
    steps = 2;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    pthread_testcancel();
    return NULL;
}

static bool test_disabled(void)
{
    pthread_t thread = thread_begin(refuse, NULL);
    await(&ready, 1);
    EXPECT(pthread_cancel(thread) == 0);
    steps = 1;
    EXPECT(thread_join(thread) == PTHREAD_CANCELED && steps == 2);
    return true;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void unlock(void *argument)
{
    cleaned = pthread_mutex_trylock(&mutex) == EBUSY; // taken again before this
    pthread_mutex_unlock(&mutex);
}

static void *wait_for_condition(void *argument)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    ready = own_tid();
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static bool test_in_condition(void)
{
    pthread_t thread = thread_begin(wait_for_condition, NULL);
    await(&ready, 1);
    await_sleep(ready);
    EXPECT(cancel_and_join(thread) == PTHREAD_CANCELED && cleaned == 1);
    EXPECT(pthread_mutex_trylock(&mutex) == 0);
    return true;
}

static void *join_other(void *argument)
{
    ready = own_tid();
    return thread_join(*(pthread_t *)argument);
}

static bool test_in_join(void)
{
    pthread_t sleeper = thread_begin(wait_in_pause, NULL);
    await(&ready, 1);
    ready = 0;
    pthread_t joiner = thread_begin(join_other, &sleeper);
    await(&ready, 1);
    await_sleep(ready);
    EXPECT(cancel_and_join(joiner) == PTHREAD_CANCELED);
    EXPECT(cancel_and_join(sleeper) == PTHREAD_CANCELED);
    return true;
}

static void *leave_early(void *argument)
{
    pthread_cleanup_push(clean, (void *)7);
    pthread_exit((void *)77);
    pthread_cleanup_pop(0);
    return NULL;
}

static bool test_exit_runs_handlers(void)
{
    EXPECT(thread_join(thread_begin(leave_early, NULL)) == (void *)77 && cleaned == 7);
    return true;
}

const struct test cancel_tests[] = {
    { "cancel-in-pause", test_in_a_call }, { "cancel-in-read", test_in_read },
    { "cancel-deferred", test_deferred },  { "cancel-asynchronous", test_asynchronous },
    { "cancel-disabled", test_disabled },  { "cancel-in-condition", test_in_condition },
    { "cancel-in-join", test_in_join },    { "exit-runs-handlers", test_exit_runs_handlers },
};
const size_t cancel_test_count = COUNT_OF(cancel_tests);
