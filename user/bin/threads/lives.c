// Threads from creation to join: values, stacks, thread-local storage, keys, once, detaching, many.
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void *add_one(void *argument)
{
    return (char *)argument + 1;
}

static bool test_join(void)
{
    pthread_t self = pthread_self();
    EXPECT(thread_join(thread_begin(add_one, (void *)41)) == (void *)42);
    EXPECT(pthread_equal(self, pthread_self()));
    return true;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER, opened = PTHREAD_COND_INITIALIZER;
static int started;
static bool is_open;

static void *wait_for_release(void *argument)
{
    pthread_mutex_lock(&gate);
    started++;
    pthread_cond_signal(&all_here);
    while (!is_open)
        pthread_cond_wait(&opened, &gate);
    pthread_mutex_unlock(&gate);
    return argument;
}

static bool test_many_at_once(void)
{
    enum { COUNT = 100 };
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++)
        threads[i] = thread_begin(wait_for_release, (void *)i);
    pthread_mutex_lock(&gate);
    while (started < COUNT)
        pthread_cond_wait(&all_here, &gate);
    is_open = true;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
    for (long i = 0; i < COUNT; i++)
        EXPECT(thread_join(threads[i]) == (void *)i);
    return true;
}

static bool test_thousand(void)
{
    for (long round = 0; round < 100; round++) {
        pthread_t threads[10];
        for (long i = 0; i < 10; i++)
            threads[i] = thread_begin(add_one, (void *)(round + i));
        for (long i = 0; i < 10; i++)
            EXPECT(thread_join(threads[i]) == (void *)(round + i + 1));
    }
    return true;
}

static atomic_int detached_ends;

static void *end_detached(void *argument)
{
    if (argument)
        pthread_detach(pthread_self());
    detached_ends++;
    return NULL;
}

static bool test_detached(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 20; i++)
        EXPECT(pthread_create(&thread, &attributes, end_detached, NULL) == 0);
    pthread_attr_destroy(&attributes);
    for (int i = 0; i < 20; i++)
        thread_begin(end_detached, &thread);
    await(&detached_ends, 40);
    return true;
}

static __thread int initialised = 1234;
static __thread int zeroed;
static __thread char aligned_area[64] __attribute__((aligned(64)));

static void *use_local(void *argument)
{
    bool fresh = initialised == 1234 && zeroed == 0 && (uintptr_t)aligned_area % 64 == 0;
    for (int i = 0; i < 1000; i++) {
        initialised++;
        zeroed--;
        if (i % 100 == 0)
            sched_yield();
    }
    return (void *)(intptr_t)(fresh && initialised == 2234 && zeroed == -1000);
}

static bool test_local_storage(void)
{
    pthread_t threads[8];
    initialised = 5;
    for (int i = 0; i < 8; i++)
        threads[i] = thread_begin(use_local, NULL);
    for (int i = 0; i < 8; i++)
        EXPECT(thread_join(threads[i]) == (void *)1);
    EXPECT(initialised == 5 && zeroed == 0);
    return true;
}

static pthread_key_t first_key, second_key;
static atomic_int destroyed;

static void destroy_first(void *value)
{
    destroyed += *(int *)value;
    pthread_setspecific(second_key, value); // one more round
}

static void destroy_second(void *value)
{
    destroyed += 100 * *(int *)value;
}

static void *set_keys(void *argument)
{
    bool empty = pthread_getspecific(first_key) == NULL;
    pthread_setspecific(first_key, argument);
    return (void *)(intptr_t)(empty && pthread_getspecific(first_key) == argument);
}

static bool test_keys(void)
{
    int three = 3;
    EXPECT(pthread_key_create(&first_key, destroy_first) == 0);
    EXPECT(pthread_key_create(&second_key, destroy_second) == 0);
    EXPECT(thread_join(thread_begin(set_keys, &three)) == (void *)1);
    EXPECT(destroyed == 303);
    EXPECT(pthread_key_delete(first_key) == 0 && pthread_key_delete(second_key) == 0);
    return true;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int once_runs;

static void run_once(void)
{
    sleep_ns(5 * MILLISECONDS);
    once_runs++;
}

static void *call_once(void *argument)
{
    pthread_once(&once, run_once);
    return (void *)(intptr_t)once_runs;
}

static bool test_once(void)
{
    pthread_t threads[8];
    for (int i = 0; i < 8; i++)
        threads[i] = thread_begin(call_once, NULL);
    for (int i = 0; i < 8; i++)
        EXPECT(thread_join(threads[i]) == (void *)1);
    return true;
}

static volatile int depth_wanted = 1000000000;

static int recurse(volatile char *above, int depth)
{
    volatile char frame[512];
    frame[0] = above ? above[0] : 0;
    return depth == depth_wanted ? 0 : recurse(frame, depth + 1) + frame[0];
}

static void *overflow(void *argument)
{
    return (void *)(intptr_t)recurse(NULL, 0);
}

static int overflow_stack(void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    pthread_attr_setguardsize(&attributes, 16 * 1024);
    if (pthread_create(&thread, &attributes, overflow, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    return 2;
}

static bool test_stack_guard(void)
{
    int status = child_run(overflow_stack, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return true;
}

static void *check_stack(void *argument)
{
    char here;
    const char *stack = argument;
    return (void *)(intptr_t)(&here >= stack && &here < stack + 256 * 1024);
}

static bool test_own_stack(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    char *stack =
        mmap(NULL, 256 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(stack != MAP_FAILED);
    pthread_attr_init(&attributes);
    EXPECT(pthread_attr_setstack(&attributes, stack, 256 * 1024) == 0);
    EXPECT(pthread_create(&thread, &attributes, check_stack, stack) == 0);
    EXPECT(thread_join(thread) == (void *)1);
    EXPECT(munmap(stack, 256 * 1024) == 0);
    return true;
}

static void *count_in_doubles(void *argument)
{
    double sum = 0, step = (double)(intptr_t)argument / 3;
    for (int i = 0; i < 30000; i++) {
        sum += step;
        if (i % 1000 == 0)
            sched_yield();
    }
    double wanted = 30000 * step;
    return (void *)(intptr_t)(sum > wanted * 0.999999 && sum < wanted * 1.000001);
}

static bool test_floating_point(void)
{
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        threads[i] = thread_begin(count_in_doubles, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        EXPECT(thread_join(threads[i]) == (void *)1);
    return true;
}

const struct test life_tests[] = {
    { "join", test_join },
    { "many-at-once", test_many_at_once },
    { "thousand", test_thousand },
    { "detached", test_detached },
    { "local-storage", test_local_storage },
    { "keys", test_keys },
    { "once", test_once },
    { "stack-guard", test_stack_guard },
    { "own-stack", test_own_stack },
    { "floating-point", test_floating_point },
};
const size_t life_test_count = COUNT_OF(life_tests);
