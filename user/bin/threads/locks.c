// Mutexes of every type, robust and shared between processes.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static long counter;

static void *count(void *argument)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&plain);
        long seen = counter;
        if (i % 2000 == 0)
            sched_yield(); // others find it taken
        counter = seen + 1;
        pthread_mutex_unlock(&plain);
    }
    return NULL;
}

static bool test_plain(void)
{
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        threads[i] = thread_begin(count, NULL);
    for (int i = 0; i < 6; i++)
        thread_join(threads[i]);
    EXPECT(counter == 120000);
    EXPECT(pthread_mutex_trylock(&plain) == 0 && pthread_mutex_trylock(&plain) == EBUSY);
    return true;
}

static void init_mutex(pthread_mutex_t *mutex, int type, bool robust, bool shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    if (robust)
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (shared)
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    errno = pthread_mutex_init(mutex, &attributes);
    if (errno != 0)
        fail("pthread_mutex_init");
}

static void *try_lock(void *argument)
{
    return (void *)(intptr_t)pthread_mutex_trylock(argument);
}

static void *unlock(void *argument)
{
    return (void *)(intptr_t)pthread_mutex_unlock(argument);
}

static bool test_recursive(void)
{
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE, false, false);
    EXPECT(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0);
    EXPECT(thread_join(thread_begin(try_lock, &mutex)) == (void *)EBUSY);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    EXPECT(thread_join(thread_begin(try_lock, &mutex)) == (void *)EBUSY);
    EXPECT(thread_join(thread_begin(unlock, &mutex)) == (void *)EPERM);
    EXPECT(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == EPERM);
    return true;
}

static bool test_error_checking(void)
{
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, false, false);
    EXPECT(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_lock(&mutex) == EDEADLK);
    EXPECT(thread_join(thread_begin(unlock, &mutex)) == (void *)EPERM);
    EXPECT(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == EPERM);
    return true;
}

static void *lock_in_vain(void *argument)
{
    struct timespec moment = moment_after(CLOCK_REALTIME, 30 * MILLISECONDS);
    return (void *)(intptr_t)pthread_mutex_timedlock(argument, &moment);
}

static bool test_timed(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    uint64_t before = clock_ns();
    EXPECT(pthread_mutex_lock(&mutex) == 0);
    EXPECT(thread_join(thread_begin(lock_in_vain, &mutex)) == (void *)ETIMEDOUT);
    EXPECT(clock_ns() - before >= 30 * MILLISECONDS);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    EXPECT(thread_join(thread_begin(lock_in_vain, &mutex)) == NULL);
    return true;
}

static void *die_holding(void *argument)
{
    return (void *)(intptr_t)pthread_mutex_lock(argument);
}

static bool test_robust(void)
{
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_NORMAL, true, false);
    EXPECT(thread_join(thread_begin(die_holding, &mutex)) == NULL);
    EXPECT(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    EXPECT(pthread_mutex_consistent(&mutex) == 0);
    EXPECT(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0);
    EXPECT(pthread_mutex_unlock(&mutex) == 0);
    EXPECT(thread_join(thread_begin(die_holding, &mutex)) == NULL);
    EXPECT(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    EXPECT(pthread_mutex_unlock(&mutex) == 0); // not made consistent
    EXPECT(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
    return true;
}

static atomic_int holds;

static void *die_when_waited_for(void *argument)
{
    pthread_mutex_lock(argument);
    holds = own_tid();
    sleep_ns(30 * MILLISECONDS);
    return NULL;
}

static bool test_robust_waiter(void)
{
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_NORMAL, true, false);
    pthread_t thread = thread_begin(die_when_waited_for, &mutex);
    await(&holds, 1);
    EXPECT(pthread_mutex_lock(&mutex) == EOWNERDEAD); // it waits, and is woken by the death
    thread_join(thread);
    return true;
}

// Without the C library's own care for what it holds.
static void *vanish_when_waited_for(void *argument)
{
    pthread_mutex_lock(argument);
    holds = own_tid();
    sleep_ns(30 * MILLISECONDS);
    syscall(SYS_exit, 0);
    return NULL;
}

static bool test_robust_vanishes(void)
{
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_NORMAL, true, true); // the kernel wakes who waits so
    thread_begin(vanish_when_waited_for, &mutex);
    await(&holds, 1);
    EXPECT(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    return true;
}

struct shared {
    pthread_mutex_t mutex;
    atomic_int locked;
    int value;
};

static int count_shared(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < 5000; i++) {
        if (pthread_mutex_lock(&shared->mutex) != 0)
            return 1;
        shared->value++;
        if (i % 500 == 0)
            sched_yield();
        pthread_mutex_unlock(&shared->mutex);
    }
    return 0;
}

static bool test_process_shared(void)
{
    struct shared *shared = shared_page();
    pid_t children[4];
    init_mutex(&shared->mutex, PTHREAD_MUTEX_NORMAL, false, true);
    for (int i = 0; i < 4; i++)
        children[i] = child_start(count_shared, shared);
    for (int i = 0; i < 4; i++)
        EXPECT(child_wait(children[i]) == 0);
    EXPECT(shared->value == 20000);
    return true;
}

static int lock_and_stay(void *argument)
{
    struct shared *shared = argument;
    if (pthread_mutex_lock(&shared->mutex) != 0)
        return 1;
    shared->locked = 1;
    for (;;)
        pause();
}

static bool test_robust_process(void)
{
    struct shared *shared = shared_page();
    init_mutex(&shared->mutex, PTHREAD_MUTEX_NORMAL, true, true);
    pid_t child = child_start(lock_and_stay, shared);
    await(&shared->locked, 1);
    EXPECT(pthread_mutex_trylock(&shared->mutex) == EBUSY);
    EXPECT(kill(child, SIGKILL) == 0);
    EXPECT(pthread_mutex_lock(&shared->mutex) == EOWNERDEAD); // without waiting for the child
    EXPECT(pthread_mutex_consistent(&shared->mutex) == 0);
    EXPECT(pthread_mutex_unlock(&shared->mutex) == 0);
    child_wait(child);
    EXPECT(pthread_mutex_lock(&shared->mutex) == 0);
    return true;
}

const struct test lock_tests[] = {
    { "plain-mutex", test_plain },
    { "recursive-mutex", test_recursive },
    { "error-checking-mutex", test_error_checking },
    { "timed-mutex", test_timed },
    { "robust-mutex", test_robust },
    { "robust-waiter", test_robust_waiter },
    { "robust-vanishes", test_robust_vanishes },
    { "process-shared-mutex", test_process_shared },
    { "robust-process", test_robust_process },
};
const size_t lock_test_count = COUNT_OF(lock_tests);
