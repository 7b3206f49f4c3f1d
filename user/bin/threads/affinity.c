// Masks of CPUs are each thread's own; who changes another's finds it where it may be.
#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int ready, done;

static void *pin_self(void *argument)
{
    cpu_set_t own;
    pin_to_cpu(0);
    CPU_ZERO(&own);
    bool good = sched_getaffinity(own_tid(), sizeof(own), &own) == 0 && CPU_COUNT(&own) == 1;
    ready = own_tid();
    await(&done, 1);
    return (void *)(intptr_t)(good && sched_getcpu() == 0);
}

// A mask is one thread's: 0 means the caller, a number that thread.
static bool test_affinity(void)
{
    cpu_set_t before, after;
    CPU_ZERO(&before);
    CPU_ZERO(&after);
    EXPECT(sched_getaffinity(0, sizeof(before), &before) == 0);
    pthread_t thread = thread_begin(pin_self, NULL);
    await(&ready, 1);
    EXPECT(sched_getaffinity(getpid(), sizeof(after), &after) == 0 && CPU_EQUAL(&before, &after));
    EXPECT(sched_getaffinity(ready, sizeof(after), &after) == 0 && CPU_COUNT(&after) == 1);
    done = 1;
    EXPECT(thread_join(thread) == (void *)1);
    return true;
}

#define MOVES 100

static atomic_int looks;
static atomic_int place; // where the looking thread may be, with a number of its own; 0: anywhere

static void move_to(pid_t tid, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(tid, sizeof(set), &set) != 0)
        fail("sched_setaffinity");
}

// Without a system call: it learns of a change only by being moved.
static void *look_where_it_is(void *argument)
{
    intptr_t strayed = 0;
    ready = own_tid();
    while (!done) {
        int before = place, cpu = sched_getcpu(), after = place;
        looks++;
        strayed += before == after && before != 0 && cpu != before % CPU_SETSIZE;
    }
    return (void *)strayed;
}

// The thirty-ninth value of its stat, counted from the name's end.
static int cpu_of(pid_t tid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    int file = open(path, O_RDONLY);
    if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
        fail(path);
    close(file);
    char *at = strrchr(text, ')');
    for (int value = 2; at && value < 39; value++)
        at = strchr(at + 1, ' ');
    return at ? atoi(at) : -1;
}

// Who has told another thread to leave its CPU finds it gone.
static bool test_moves_are_done(void)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    pthread_t thread = thread_begin(look_where_it_is, NULL);
    await(&ready, 1);
    for (int i = 1; i <= MOVES; i++) {
        place = 0;
        move_to(ready, i % cpus);
        EXPECT(cpu_of(ready) == i % cpus);
        place = i * CPU_SETSIZE + i % cpus;
        await(&looks, looks + 2); // it runs there, and is not on its way any more
    }
    done = 1;
    EXPECT(thread_join(thread) == NULL);
    return true;
}

static atomic_int movers[2], movers_done;

static void *move_the_other(void *argument)
{
    const int own = argument != NULL;
    const int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    movers[own] = own_tid();
    await(&movers[!own], 1);
    for (int i = 0; i < MOVES; i++) {
        move_to(movers[!own], (i + own) % cpus);
        move_to(ready, (i + own) % cpus);
    }
    movers_done++;
    await(&movers_done, 2); // its number is its own until then
    return NULL;
}

// Nobody waits for ever for a third one who is told the contrary, or for who waits for him.
static bool test_moves_are_contested(void)
{
    pthread_t third = thread_begin(look_where_it_is, NULL);
    await(&ready, 1);
    pthread_t one = thread_begin(move_the_other, NULL);
    move_the_other(&movers);
    thread_join(one);
    done = 1;
    thread_join(third);
    return true;
}

const struct test affinity_tests[] = {
    { "affinity-of-threads", test_affinity },
    { "moves-are-done", test_moves_are_done },
    { "moves-are-contested", test_moves_are_contested },
};
const size_t affinity_test_count = COUNT_OF(affinity_tests);
