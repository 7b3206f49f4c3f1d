// The rows about threads. Called through rows.c. Skipped where the system has none.
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "call.h"
#include "rows.h"

// As the ABI has them, with FUTEX_PRIVATE_FLAG.
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

enum turn { OURS, THEIRS, NOBODYS };

static atomic_int turn;
static pthread_t partner;
static bool partner_lives;

void thread_prepare(const struct row *row)
{
    if (call3(SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, 1) == -ENOSYS)
        row_skipped("no threads");
}

static void wait_while(int value)
{
    while (atomic_load(&turn) == value)
        call4(SYS_futex, (long)&turn, FUTEX_WAIT_PRIVATE, value, 0);
}

static void hand_over(int to)
{
    atomic_store(&turn, to);
    call3(SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, 1);
}

static void *answer(void *unused)
{
    for (;;) {
        wait_while(OURS);
        if (atomic_load(&turn) == NOBODYS)
            return NULL;
        hand_over(OURS);
    }
}

static void *end_at_once(void *unused)
{
    return NULL;
}

static bool thread_start(pthread_t *thread, void *(*body)(void *))
{
    errno = pthread_create(thread, NULL, body, NULL);
    if (errno)
        row_failed("pthread_create");
    return errno == 0;
}

void futex_prepare(const struct row *row)
{
    thread_prepare(row);
    atomic_store(&turn, OURS);
    if (call3(SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, 1) != -ENOSYS)
        partner_lives = thread_start(&partner, answer);
}

uint64_t futex_hops(long count)
{
    return TIMED(count, hand_over(THEIRS), wait_while(THEIRS));
}

void futex_finish(void)
{
    if (!partner_lives)
        return;
    hand_over(NOBODYS);
    pthread_join(partner, NULL);
    partner_lives = false;
}

uint64_t thread_create_join(long count)
{
    pthread_t thread;
    bool good = true;
    uint64_t cycles = TIMED(count, good = good && thread_start(&thread, end_at_once) &&
                                          pthread_join(thread, NULL) == 0);
    return good ? cycles : row_failed("pthread_join");
}
