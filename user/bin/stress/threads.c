// Threads of one process: conditions that must be seen, memory that one unmaps while others work,
// threads that end in every way.
#include "stress.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define CREW 4
#define ROUNDS 200

static _Thread_local uint64_t own_seed;

static void *keep_own(void *argument)
{
    struct slot *slot = argument;
    uint8_t bytes[512];
    own_seed = random_next(slot);
    uint64_t seed = own_seed;
    pattern_fill(bytes, sizeof(bytes), seed);
    for (unsigned i = random_below(slot, 8); i > 0; i--)
        sched_yield();
    bool is_kept = own_seed == seed && pattern_is(bytes, sizeof(bytes), seed);
    advance(slot);
    return (void *)(uintptr_t)is_kept;
}

int run_threads(struct slot *slot)
{
    if (!threads_work())
        return 0;
    while (goes_on(slot)) {
        pthread_t crew[CREW];
        for (unsigned i = 0; i < CREW; i++)
            CHECK(pthread_create(&crew[i], NULL, keep_own, slot) == 0);
        for (unsigned i = 0; i < CREW; i++) {
            void *is_kept;
            CHECK(pthread_join(crew[i], &is_kept) == 0 && is_kept);
        }
        atomic_fetch_add(&slot->amount, CREW);
    }
    return 0;
}

// A queue of one place, with both of its conditions.
struct place {
    struct slot *slot;
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    uint64_t value; // 0: empty
    uint64_t sum;   // of what was taken
    unsigned left;  // to be taken
};

static void *put_values(void *argument)
{
    struct place *place = argument;
    uint64_t sum = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value = 1 + (random_next(place->slot) >> 32);
        sum += value;
        pthread_mutex_lock(&place->mutex);
        while (place->value != 0)
            pthread_cond_wait(&place->emptied, &place->mutex);
        place->value = value;
        pthread_cond_signal(&place->filled);
        pthread_mutex_unlock(&place->mutex);
        advance(place->slot);
    }
    return (void *)(uintptr_t)sum;
}

static void *take_values(void *argument)
{
    struct place *place = argument;
    pthread_mutex_lock(&place->mutex);
    while (place->left > 0) {
        if (place->value == 0) {
            pthread_cond_wait(&place->filled, &place->mutex);
            continue;
        }
        place->sum += place->value;
        place->value = 0;
        if (--place->left == 0)
            pthread_cond_broadcast(&place->filled);
        pthread_cond_broadcast(&place->emptied);
    }
    pthread_mutex_unlock(&place->mutex);
    return NULL;
}

int run_mutexes(struct slot *slot)
{
    if (!threads_work())
        return 0;
    while (goes_on(slot)) {
        struct place place = { slot,
                               PTHREAD_MUTEX_INITIALIZER,
                               PTHREAD_COND_INITIALIZER,
                               PTHREAD_COND_INITIALIZER,
                               0,
                               0,
                               CREW * ROUNDS };
        pthread_t givers[CREW], takers[CREW];
        uint64_t sum = 0;
        for (unsigned i = 0; i < CREW; i++) {
            CHECK(pthread_create(&givers[i], NULL, put_values, &place) == 0);
            CHECK(pthread_create(&takers[i], NULL, take_values, &place) == 0);
        }
        for (unsigned i = 0; i < CREW; i++) {
            void *given;
            CHECK(pthread_join(givers[i], &given) == 0 && pthread_join(takers[i], NULL) == 0);
            sum += (uintptr_t)given;
        }
        CHECK(place.sum == sum);
        atomic_fetch_add(&slot->amount, CREW * ROUNDS);
    }
    return 0;
}

// A thread works on memory of its own while others map and unmap around it. Memory that came back
// to the kernel must be seen by nobody any more.
static void *map_and_check(void *argument)
{
    struct slot *slot = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t size = PAGE * (1 + random_below(slot, 16));
        uint64_t seed = random_next(slot);
        uint8_t *memory =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return "mmap";
        if (*(volatile uint64_t *)memory != 0)
            return "fresh memory is not empty";
        pattern_fill(memory, size, seed);
        if (mprotect(memory, size, PROT_READ) != 0 || !pattern_is(memory, size, seed))
            return "read-only memory has changed";
        if (mprotect(memory, size, PROT_READ | PROT_WRITE) != 0)
            return "mprotect";
        memory[size - 1] ^= 1;
        if (madvise(memory, PAGE, MADV_DONTNEED) == 0 && *(volatile uint64_t *)memory != 0)
            return "memory that was given back is not empty";
        if (munmap(memory, size) != 0)
            return "munmap";
        advance(slot);
    }
    return NULL;
}

int run_thread_maps(struct slot *slot)
{
    if (!threads_work())
        return 0;
    while (goes_on(slot)) {
        pthread_t crew[CREW];
        for (unsigned i = 0; i < CREW; i++)
            CHECK(pthread_create(&crew[i], NULL, map_and_check, slot) == 0);
        for (unsigned i = 0; i < CREW; i++) {
            void *fault = NULL;
            CHECK(pthread_join(crew[i], &fault) == 0);
            if (fault)
                job_complain(slot, __func__, __LINE__, fault);
            CHECK(fault == NULL);
        }
        atomic_fetch_add(&slot->amount, CREW * ROUNDS);
    }
    return 0;
}

static void *spin_or_sleep(void *argument)
{
    struct slot *slot = argument;
    for (;;) {
        if (random_below(slot, 2) == 0)
            sleep_ns(random_below(slot, 100000));
        else
            sched_yield();
    }
    return NULL;
}

// With threads all over the place: one ends all, by exit, a deadly signal, or execve.
static int end_suddenly(struct slot *slot, void *argument)
{
    unsigned way = *(unsigned *)argument;
    pthread_t crew[CREW];
    for (unsigned i = 0; i < CREW; i++)
        CHECK(pthread_create(&crew[i], NULL, spin_or_sleep, slot) == 0);
    sleep_ns(random_below(slot, 200000));
    char *const leaf[] = { "stress", "leaf", "2", "3", NULL };
    if (way == 0)
        return 17;
    if (way == 1)
        execve("/proc/self/exe", leaf, NULL);
    raise(SIGKILL);
    return 1;
}

int run_thread_ends(struct slot *slot)
{
    static const int codes[] = { 17, 17, -SIGKILL };
    if (!threads_work())
        return 0;
    while (goes_on(slot)) {
        unsigned way = random_below(slot, COUNT_OF(codes));
        pid_t child = job_fork(slot, end_suddenly, &way);
        CHECK(child >= 0 && job_wait(child, codes[way]));
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    return 0;
}
