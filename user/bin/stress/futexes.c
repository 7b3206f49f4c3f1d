// Futexes: a lock between processes that must exclude; and waits that end by a wake-up, a requeue,
// a signal or their time, whichever comes first, where each wake-up that is told must arrive once.
#include "stress.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define CREW 4
#define ROUNDS 200
#define FUTEX_WAIT 0 // linux/futex.h, which musl does not bring
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_PRIVATE 128
#define WAIT_SHORTEST_NS 50000u
#define WAIT_LONGEST_NS 200000u

// A lock on one word of shared memory: 0 free, 1 taken, 2 taken and waited for.
static void word_lock(atomic_uint *word)
{
    unsigned seen = 0;
    if (atomic_compare_exchange_strong(word, &seen, 1))
        return;
    while (atomic_exchange(word, 2) != 0)
        syscall(SYS_futex, word, FUTEX_WAIT, 2, NULL, NULL, 0);
}

static void word_unlock(atomic_uint *word)
{
    if (atomic_exchange(word, 0) == 2)
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

struct common {
    atomic_uint word;
    unsigned inside, count; // guarded by the word
};

static int count_under_lock(struct slot *slot, void *argument)
{
    volatile struct common *common = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        word_lock((atomic_uint *)&common->word);
        bool alone = common->inside++ == 0;
        if (random_below(slot, 4) == 0)
            sched_yield();
        common->count++;
        alone = alone && --common->inside == 0;
        word_unlock((atomic_uint *)&common->word);
        CHECK(alone);
        advance(slot);
    }
    return 0;
}

// Futexes in shared memory, between processes.
int run_futex(struct slot *slot)
{
    struct common *common = shared_memory(PAGE);
    if (syscall(SYS_futex, &common->word, FUTEX_WAKE, 1, NULL, NULL, 0) != 0)
        return 0; // this kernel has none
    while (goes_on(slot)) {
        pid_t children[CREW];
        memset(common, 0, sizeof(*common));
        for (unsigned i = 0; i < CREW; i++) {
            children[i] = job_fork(slot, count_under_lock, common);
            CHECK(children[i] >= 0);
        }
        for (unsigned i = 0; i < CREW; i++)
            CHECK(job_wait(children[i], 0));
        CHECK(common->count == CREW * ROUNDS);
        atomic_fetch_add(&slot->amount, common->count);
    }
    return 0;
}

enum { WAKER, REQUEUER, SIGNALLER, HELPERS };

// Waiters stand at the words, for a while each time; nobody needs them to be woken.
struct race {
    struct slot *slot;
    atomic_uint words[2];
    int flags; // FUTEX_PRIVATE or none
    atomic_bool is_over;
    atomic_ulong woken, told; // wake-ups that arrived; that the calls said they sent
    pthread_t waiters[CREW];
};

static long call_futex(struct race *race, unsigned word, int operation, unsigned value,
                       const void *time)
{
    return syscall(SYS_futex, &race->words[word], operation | race->flags, value, time,
                   &race->words[1 - word], 0);
}

static void *wait_shortly(void *argument)
{
    struct race *race = argument;
    while (!atomic_load(&race->is_over)) {
        unsigned word = random_below(race->slot, 2);
        struct timespec limit = {
            0, WAIT_SHORTEST_NS + random_below(race->slot, WAIT_LONGEST_NS - WAIT_SHORTEST_NS)
        };
        unsigned value = atomic_load(&race->words[word]);
        if (call_futex(race, word, FUTEX_WAIT, value, &limit) == 0)
            atomic_fetch_add(&race->woken, 1);
        else if (errno != ETIMEDOUT && errno != EINTR && errno != EAGAIN)
            return "a wait ended with another error";
        advance(race->slot);
    }
    return NULL;
}

static void pause_at_random(struct slot *slot)
{
    if (random_below(slot, 3) == 0)
        sched_yield();
    else
        sleep_ns(random_below(slot, WAIT_LONGEST_NS));
}

static void *wake_some(void *argument)
{
    struct race *race = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned word = random_below(race->slot, 2);
        if (random_below(race->slot, 4) == 0)
            atomic_fetch_add(&race->words[word], 1); // who comes now with the old value goes again
        long woken = call_futex(race, word, FUTEX_WAKE, 1 + random_below(race->slot, CREW), NULL);
        if (woken < 0 || woken > CREW)
            return "wake";
        atomic_fetch_add(&race->told, (unsigned long)woken);
        pause_at_random(race->slot);
    }
    return NULL;
}

// The call says how many it woke and moved together; it wakes first.
static void *requeue_some(void *argument)
{
    struct race *race = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned wakes = random_below(race->slot, 2), moves = random_below(race->slot, CREW);
        long count = call_futex(race, random_below(race->slot, 2), FUTEX_REQUEUE, wakes,
                                (void *)(uintptr_t)moves);
        if (count < 0 || count > (long)(wakes + moves))
            return "requeue";
        atomic_fetch_add(&race->told, count < (long)wakes ? (unsigned long)count : wakes);
        pause_at_random(race->slot);
    }
    return NULL;
}

static void *signal_some(void *argument)
{
    struct race *race = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (pthread_kill(race->waiters[random_below(race->slot, CREW)], SIGUSR1) != 0)
            return "pthread_kill";
        pause_at_random(race->slot);
    }
    return NULL;
}

static void ignore_it(int signal)
{
}

// The waiters' last waits end by their time alone. In the end, as many were woken as were told of.
static int run_race(struct slot *slot, struct race *race)
{
    static void *(*const bodies[HELPERS])(void *) = { wake_some, requeue_some, signal_some };
    pthread_t helpers[HELPERS];
    void *fault;
    *race = (struct race){ .slot = slot, .flags = random_below(slot, 2) ? FUTEX_PRIVATE : 0 };
    for (unsigned i = 0; i < CREW; i++)
        CHECK(pthread_create(&race->waiters[i], NULL, wait_shortly, race) == 0);
    for (unsigned i = 0; i < HELPERS; i++)
        CHECK(pthread_create(&helpers[i], NULL, bodies[i], race) == 0);
    for (unsigned i = 0; i < HELPERS; i++)
        CHECK(pthread_join(helpers[i], &fault) == 0 && fault == NULL);
    atomic_store(&race->is_over, true);
    for (unsigned i = 0; i < CREW; i++)
        CHECK(pthread_join(race->waiters[i], &fault) == 0 && fault == NULL);
    CHECK(race->woken == race->told);
    atomic_fetch_add(&slot->amount, race->told);
    return 0;
}

int run_wakes(struct slot *slot)
{
    struct sigaction action = { .sa_handler = ignore_it };
    struct race *race = shared_memory(PAGE);
    if (!threads_work())
        return 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    while (goes_on(slot)) {
        if (run_race(slot, race) != 0)
            return 1;
    }
    return 0;
}
