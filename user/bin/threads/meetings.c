// Condition variables, barriers, reader-writer locks and semaphores.
#include "check.h"

#include <semaphore.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

#define PLAYERS 4
#define ROUNDS 500

static void *play(void *argument)
{
    int own = (int)(intptr_t)argument;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % PLAYERS != own)
            pthread_cond_wait(&condition, &mutex);
        turn++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static bool test_broadcast(void)
{
    pthread_t threads[PLAYERS];
    for (intptr_t i = 0; i < PLAYERS; i++)
        threads[i] = thread_begin(play, (void *)i);
    for (int i = 0; i < PLAYERS; i++)
        thread_join(threads[i]);
    EXPECT(turn == PLAYERS * ROUNDS);
    return true;
}

static int items, taken;

static void *consume(void *argument)
{
    pthread_mutex_lock(&mutex);
    while (items == 0)
        pthread_cond_wait(&condition, &mutex);
    items--;
    taken++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static bool test_signal_one(void)
{
    pthread_t threads[10];
    for (int i = 0; i < 10; i++)
        threads[i] = thread_begin(consume, NULL);
    for (int i = 0; i < 10; i++) {
        pthread_mutex_lock(&mutex);
        items++;
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&condition);
    }
    for (int i = 0; i < 10; i++)
        thread_join(threads[i]);
    EXPECT(taken == 10 && items == 0);
    return true;
}

static bool test_timed_wait(void)
{
    pthread_condattr_t attributes;
    pthread_cond_t monotonic;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    EXPECT(pthread_cond_init(&monotonic, &attributes) == 0);
    uint64_t before = clock_ns();
    struct timespec moment = moment_after(CLOCK_MONOTONIC, 20 * MILLISECONDS);
    pthread_mutex_lock(&mutex);
    int result;
    do
        result = pthread_cond_timedwait(&monotonic, &mutex, &moment);
    while (result == 0);
    EXPECT(result == ETIMEDOUT && clock_ns() - before >= 20 * MILLISECONDS);
    moment = moment_after(CLOCK_REALTIME, 20 * MILLISECONDS);
    do
        result = pthread_cond_timedwait(&condition, &mutex, &moment);
    while (result == 0);
    EXPECT(result == ETIMEDOUT && clock_ns() - before >= 40 * MILLISECONDS);
    moment.tv_sec -= 100; // past
    EXPECT(pthread_cond_timedwait(&condition, &mutex, &moment) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    return true;
}

static pthread_barrier_t barrier;
static atomic_int arrived, serial;

static void *meet(void *argument)
{
    for (int i = 1; i <= 100; i++) {
        arrived++;
        int result = pthread_barrier_wait(&barrier);
        if (arrived < i * 5)
            return "somebody was missing";
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            serial++;
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static bool test_barrier(void)
{
    pthread_t threads[5];
    EXPECT(pthread_barrier_init(&barrier, NULL, 5) == 0);
    for (int i = 0; i < 5; i++)
        threads[i] = thread_begin(meet, NULL);
    for (int i = 0; i < 5; i++)
        EXPECT(thread_join(threads[i]) == NULL);
    EXPECT(serial == 100 && pthread_barrier_destroy(&barrier) == 0);
    return true;
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_int readers;
static long written, seen_torn, both_values[2];

static void *read_often(void *argument)
{
    for (int i = 0; i < 2000; i++) {
        pthread_rwlock_rdlock(&rwlock);
        readers++;
        if (both_values[0] != both_values[1])
            seen_torn++;
        readers--;
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

static void *write_often(void *argument)
{
    for (int i = 0; i < 500; i++) {
        pthread_rwlock_wrlock(&rwlock);
        if (readers != 0)
            seen_torn++;
        both_values[0]++;
        if (i % 50 == 0)
            sched_yield();
        both_values[1]++;
        written++;
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

static bool test_rwlock(void)
{
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        threads[i] = thread_begin(i % 3 ? read_often : write_often, NULL);
    for (int i = 0; i < 6; i++)
        thread_join(threads[i]);
    EXPECT(written == 1000 && seen_torn == 0 && both_values[1] == 1000);
    EXPECT(pthread_rwlock_rdlock(&rwlock) == 0 && pthread_rwlock_tryrdlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    return true;
}

static sem_t full, empty;
static int slots[4], produced;

static void *produce(void *argument)
{
    for (int i = 1; i <= 1000; i++) {
        sem_wait(&empty);
        slots[i % 4] = i;
        sem_post(&full);
    }
    return NULL;
}

static bool test_semaphores(void)
{
    EXPECT(sem_init(&full, 0, 0) == 0 && sem_init(&empty, 0, 4) == 0);
    pthread_t producer = thread_begin(produce, NULL);
    for (int i = 1; i <= 1000; i++) {
        EXPECT(sem_wait(&full) == 0 && slots[i % 4] == i);
        produced++;
        EXPECT(sem_post(&empty) == 0);
    }
    thread_join(producer);
    struct timespec moment = moment_after(CLOCK_REALTIME, 10 * MILLISECONDS);
    EXPECT_ERROR(sem_timedwait(&full, &moment), ETIMEDOUT);
    EXPECT_ERROR(sem_trywait(&full), EAGAIN);
    return true;
}

struct exchange {
    sem_t there, back;
    int value;
};

static int answer(void *argument)
{
    struct exchange *exchange = argument;
    for (int i = 0; i < 200; i++) {
        sem_wait(&exchange->there);
        exchange->value *= 2;
        sem_post(&exchange->back);
    }
    return 0;
}

static bool test_shared_semaphores(void)
{
    struct exchange *exchange = shared_page();
    EXPECT(sem_init(&exchange->there, 1, 0) == 0 && sem_init(&exchange->back, 1, 0) == 0);
    pid_t child = child_start(answer, exchange);
    for (int i = 0; i < 200; i++) {
        exchange->value = i;
        EXPECT(sem_post(&exchange->there) == 0 && sem_wait(&exchange->back) == 0);
        EXPECT(exchange->value == 2 * i);
    }
    EXPECT(child_wait(child) == 0);
    return true;
}

struct shared_condition {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int stage;
};

static int advance(void *argument)
{
    struct shared_condition *shared = argument;
    pthread_mutex_lock(&shared->mutex);
    while (shared->stage != 1)
        pthread_cond_wait(&shared->condition, &shared->mutex);
    shared->stage = 2;
    pthread_cond_broadcast(&shared->condition);
    pthread_mutex_unlock(&shared->mutex);
    return 0;
}

static bool test_shared_condition(void)
{
    struct shared_condition *shared = shared_page();
    pthread_mutexattr_t mutex_attributes;
    pthread_condattr_t attributes;
    pthread_mutexattr_init(&mutex_attributes);
    pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
    pthread_condattr_init(&attributes);
    pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    EXPECT(pthread_mutex_init(&shared->mutex, &mutex_attributes) == 0);
    EXPECT(pthread_cond_init(&shared->condition, &attributes) == 0);
    pid_t child = child_start(advance, shared);
    pthread_mutex_lock(&shared->mutex);
    shared->stage = 1;
    pthread_cond_broadcast(&shared->condition);
    while (shared->stage != 2)
        pthread_cond_wait(&shared->condition, &shared->mutex);
    pthread_mutex_unlock(&shared->mutex);
    EXPECT(child_wait(child) == 0);
    return true;
}

const struct test meeting_tests[] = {
    { "condition-broadcast", test_broadcast },
    { "condition-signal", test_signal_one },
    { "condition-timed", test_timed_wait },
    { "barrier", test_barrier },
    { "rwlock", test_rwlock },
    { "semaphores", test_semaphores },
    { "shared-semaphores", test_shared_semaphores },
    { "shared-condition", test_shared_condition },
};
const size_t meeting_test_count = COUNT_OF(meeting_tests);
