// futex(2) as C libraries call it, and its answers to wrong calls.
#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// linux/futex.h, which musl does not bring.
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_PRIVATE 128
#define FUTEX_WAIT_PRIVATE (FUTEX_PRIVATE | 0)
#define FUTEX_WAKE_PRIVATE (FUTEX_PRIVATE | 1)
#define FUTEX_REQUEUE_PRIVATE (FUTEX_PRIVATE | 3)
#define FUTEX_CMP_REQUEUE_PRIVATE (FUTEX_PRIVATE | 4)
#define FUTEX_WAKE_OP_PRIVATE (FUTEX_PRIVATE | 5)
#define FUTEX_WAIT_BITSET_PRIVATE (FUTEX_PRIVATE | 9)
#define FUTEX_WAKE_BITSET_PRIVATE (FUTEX_PRIVATE | 10)
enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_OPARG_SHIFT = 8 };
enum { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

static atomic_uint word, other;
static atomic_int sleepers, woken;

static long futex(void *address, int operation, unsigned value, const void *time, void *second,
                  unsigned third)
{
    return syscall(SYS_futex, address, operation, value, time, second, third);
}

#define WAKE_ALL 0x7fffffff

struct sleep {
    atomic_uint *word;
    int operation;
    unsigned value, bits;
    atomic_int tid;
    long result;
    int error;
};

static void *sleep_on(void *argument)
{
    struct sleep *sleep = argument;
    sleep->tid = own_tid();
    sleepers++;
    sleep->result = futex(sleep->word, sleep->operation, sleep->value, NULL, NULL, sleep->bits);
    sleep->error = errno;
    woken++;
    return NULL;
}

static pthread_t begin_sleep(struct sleep *sleep)
{
    pthread_t thread = thread_begin(sleep_on, sleep);
    await(&sleep->tid, 1);
    await_sleep(sleep->tid);
    return thread;
}

static bool test_wait_and_wake(void)
{
    struct sleep sleeps[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        sleeps[i] = (struct sleep){ .word = &word, .operation = FUTEX_WAIT_PRIVATE };
        threads[i] = begin_sleep(&sleeps[i]);
    }
    EXPECT(futex(&other, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 0);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, -1, NULL, NULL, 0) == 1); // as one
    thread_join(threads[0]);                                          // the first to come
    EXPECT(woken == 1 && sleeps[0].result == 0);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 2);
    thread_join(threads[1]);
    thread_join(threads[2]);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 0);
    return true;
}

static bool test_errors(void)
{
    struct timespec bad = { 0, 1000000000 }, negative = { -1, 0 }, none = { 0, 0 };
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
    EXPECT_ERROR(futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EINVAL);
    EXPECT_ERROR(futex((char *)&word + 2, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    EXPECT_ERROR(futex(page, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    EXPECT_ERROR(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    EXPECT_ERROR(futex((void *)0xffff800000000000, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EFAULT);
    EXPECT(futex(page, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0); // not looked at
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &bad, NULL, 0), EINVAL);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &negative, NULL, 0), EINVAL);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, (void *)8, NULL, 0), EFAULT);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &none, NULL, 0), ETIMEDOUT);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &none, NULL, 0), EAGAIN);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0), EINVAL);
    EXPECT_ERROR(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    EXPECT_ERROR(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
    EXPECT_ERROR(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &none, NULL, 0), ENOSYS);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &none, NULL, 1), ETIMEDOUT);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &none, NULL, 1),
                 ETIMEDOUT);
    EXPECT_ERROR(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 7), EAGAIN);
    EXPECT_ERROR(futex(&word, FUTEX_REQUEUE, -1, (void *)1, &other, 0), EINVAL);
    return true;
}

static bool test_times(void)
{
    struct timespec duration = { 0, 20000000 };
    uint64_t before = clock_ns();
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 0, &duration, NULL, 0), ETIMEDOUT);
    EXPECT(clock_ns() - before >= 20 * MILLISECONDS);
    struct timespec moment = moment_after(CLOCK_MONOTONIC, 20 * MILLISECONDS);
    EXPECT_ERROR(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &moment, NULL, 1), ETIMEDOUT);
    EXPECT(clock_ns() - before >= 40 * MILLISECONDS);
    moment = moment_after(CLOCK_REALTIME, 20 * MILLISECONDS);
    EXPECT_ERROR(
        futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &moment, NULL, 1),
        ETIMEDOUT);
    EXPECT(clock_ns() - before >= 60 * MILLISECONDS);
    moment = (struct timespec){ 1, 0 };
    EXPECT_ERROR(
        futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &moment, NULL, 1),
        ETIMEDOUT);
    return true;
}

static bool test_bits(void)
{
    struct sleep one = { .word = &word, .operation = FUTEX_WAIT_BITSET_PRIVATE, .bits = 1 };
    struct sleep two = { .word = &word, .operation = FUTEX_WAIT_BITSET_PRIVATE, .bits = 6 };
    pthread_t first = begin_sleep(&one), second = begin_sleep(&two);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, WAKE_ALL, NULL, NULL, 8) == 0);
    EXPECT(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, WAKE_ALL, NULL, NULL, 2) == 1);
    thread_join(second);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 1);
    thread_join(first);
    return true;
}

static bool test_requeue(void)
{
    enum { COUNT = 6 };
    struct sleep sleeps[COUNT];
    pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++) {
        sleeps[i] = (struct sleep){ .word = &word, .operation = FUTEX_WAIT_PRIVATE };
        threads[i] = begin_sleep(&sleeps[i]);
    }
    EXPECT(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0) == 3);
    thread_join(threads[0]);
    EXPECT(futex(&other, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
    thread_join(threads[1]);
    EXPECT(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)WAKE_ALL, &other, 0) == 3);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 0);
    EXPECT(futex(&other, FUTEX_REQUEUE_PRIVATE, 0, (void *)WAKE_ALL, &other, 0) ==
           4); // onto itself
    EXPECT(futex(&other, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 4);
    for (int i = 2; i < COUNT; i++)
        thread_join(threads[i]);
    return true;
}

// More than anybody would handle at once.
static bool test_requeue_of_many(void)
{
    enum { COUNT = 150 };
    static struct sleep sleeps[COUNT];
    pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++) {
        sleeps[i] = (struct sleep){ .word = &word, .operation = FUTEX_WAIT_PRIVATE };
        threads[i] = begin_sleep(&sleeps[i]);
    }
    EXPECT(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)140, &word, 0) == 140); // onto itself
    EXPECT(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 70, (void *)71, &other, 0) == 141);
    for (int i = 0; i < 70; i++)
        thread_join(threads[i]);
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 9);
    EXPECT(futex(&other, FUTEX_WAKE_PRIVATE, WAKE_ALL, NULL, NULL, 0) == 71);
    for (int i = 70; i < COUNT; i++)
        thread_join(threads[i]);
    return true;
}

static unsigned encode(unsigned operation, unsigned argument, unsigned comparison, unsigned with)
{
    return operation << 28 | comparison << 24 | (argument & 0xfff) << 12 | (with & 0xfff);
}

static long wake_operation(unsigned encoded)
{
    return futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, encoded);
}

static bool test_wake_operation(void)
{
    struct sleep one = { .word = &word, .operation = FUTEX_WAIT_PRIVATE };
    struct sleep two = { .word = &other, .operation = FUTEX_WAIT_PRIVATE };
    pthread_t first = begin_sleep(&one), second = begin_sleep(&two);
    EXPECT(wake_operation(encode(OP_ADD, 5, CMP_GT, 0)) == 1 && other == 5);
    thread_join(first);
    EXPECT(wake_operation(encode(OP_SET, -1, CMP_EQ, 5)) == 1 && other == ~0u);
    thread_join(second);
    EXPECT(wake_operation(encode(OP_ANDN, 0xff, CMP_LT, 0)) == 0);
    EXPECT(other == 0xffffff00);
    EXPECT(wake_operation(encode(OP_XOR | OP_OPARG_SHIFT, 31, CMP_NE, 0)) == 0);
    EXPECT(other == 0x7fffff00);
    EXPECT_ERROR(wake_operation(encode(7, 0, 0, 0)), ENOSYS);
    EXPECT_ERROR(futex((char *)&word + 1, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other,
                       encode(OP_SET, 9, CMP_EQ, 0)),
                 EINVAL);
    EXPECT(other == 0x7fffff00);
    return true;
}

struct shared {
    atomic_uint word;
    atomic_int ready;
};

static int sleep_shared(void *argument)
{
    struct shared *shared = argument;
    shared->ready = 1;
    while (shared->word == 0)
        futex(&shared->word, FUTEX_WAIT, 0, NULL, NULL, 0);
    return 0;
}

static bool test_shared(void)
{
    char name[] = "/tmp/threadsXXXXXX";
    int file = mkstemp(name); // memory that can be mapped twice
    EXPECT(file >= 0 && unlink(name) == 0 && ftruncate(file, 4096) == 0);
    struct shared *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    struct shared *again = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    EXPECT(shared != MAP_FAILED && again != MAP_FAILED && again != shared);
    pid_t child = child_start(sleep_shared, shared);
    await(&shared->ready, 1);
    sleep_ns(10 * MILLISECONDS);
    again->word = 1;
    EXPECT(futex(&again->word, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
    EXPECT(child_wait(child) == 0);
    return true;
}

static void note(int signal)
{
}

static bool test_interrupted(void)
{
    struct sigaction action = { .sa_handler = note };
    struct sleep sleep = { .word = &word, .operation = FUTEX_WAIT_PRIVATE };
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t thread = begin_sleep(&sleep);
    pthread_kill(thread, SIGUSR1);
    thread_join(thread);
    EXPECT(sleep.result == -1 && sleep.error == EINTR);
    action.sa_flags = SA_RESTART;
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    sleep = (struct sleep){ .word = &word, .operation = FUTEX_WAIT_PRIVATE };
    thread = begin_sleep(&sleep);
    pthread_kill(thread, SIGUSR1);
    sleep_ns(10 * MILLISECONDS);
    await_sleep(sleep.tid);
    word = 1;
    EXPECT(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
    thread_join(thread);
    EXPECT(sleep.result == 0);
    return true;
}

// Many hand a token round: a lost wake-up would stop them all.
#define RUNNERS 8
static atomic_uint tokens[RUNNERS];

static void *hand_on(void *argument)
{
    intptr_t own = (intptr_t)argument;
    for (unsigned round = 0; round < 500; round++) {
        while (tokens[own] == round)
            futex(&tokens[own], FUTEX_WAIT_PRIVATE, round, NULL, NULL, 0);
        atomic_uint *next = &tokens[(own + 1) % RUNNERS];
        (*next)++;
        futex(next, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    return NULL;
}

static bool test_token_ring(void)
{
    pthread_t threads[RUNNERS];
    for (intptr_t i = 0; i < RUNNERS; i++)
        threads[i] = thread_begin(hand_on, (void *)i);
    tokens[0]++;
    futex(&tokens[0], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    for (int i = 0; i < RUNNERS; i++)
        thread_join(threads[i]);
    return true;
}

const struct test futex_tests[] = {
    { "wait-and-wake", test_wait_and_wake },
    { "futex-errors", test_errors },
    { "futex-times", test_times },
    { "futex-bits", test_bits },
    { "requeue", test_requeue },
    { "requeue-of-many", test_requeue_of_many },
    { "wake-operation", test_wake_operation },
    { "shared-futex", test_shared },
    { "interrupted-futex", test_interrupted },
    { "token-ring", test_token_ring },
};
const size_t futex_test_count = COUNT_OF(futex_tests);
