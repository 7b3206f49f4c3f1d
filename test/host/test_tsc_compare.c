// Two CPUs compare their time stamp counters: threads, with counters that are apart, can be shifted
// or not, or stop answering.
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "cpu/registers.h"
#include "cpu/tsc_compare.h"
#include "test.h"

#define SECOND 1000000000ull // ticks of the made-up counters
#define LIMIT (20 * SECOND)

static _Thread_local int64_t apart; // of this thread's counter
static int64_t follower_apart;
static bool can_shift;

void cpu_relax(void)
{
    sched_yield();
}

static uint64_t read_counter(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec + (uint64_t)apart + SECOND * 1000;
}

static void shift_counter(int64_t difference)
{
    if (can_shift)
        apart += difference;
}

static const struct tsc_clock tsc = { read_counter, shift_counter };
static struct tsc_meeting meeting;
static bool followed;

static void *follow(void *argument)
{
    apart = follower_apart;
    followed = tsc_follow(&meeting, &tsc);
    return argument;
}

static bool meet(int64_t difference, bool shifts, struct tsc_result *result)
{
    pthread_t other;

    memset(&meeting, 0, sizeof(meeting));
    follower_apart = difference;
    can_shift = shifts;
    CHECK_EQUAL(pthread_create(&other, NULL, follow, NULL), 0);
    bool agree = tsc_lead(&meeting, &tsc, LIMIT, result);
    pthread_join(other, NULL);
    CHECK_EQUAL(followed, agree);
    return agree;
}

TEST(tsc_counters_that_agree)
{
    struct tsc_result result;

    CHECK(meet(0, false, &result));
    CHECK_EQUAL(result.warp, 0);
    CHECK_EQUAL(result.shifted, 0);
    CHECK(result.round_trip > 0);
}

TEST(tsc_difference_is_seen_in_either_direction)
{
    struct tsc_result result;

    CHECK(!meet(-(int64_t)(60 * SECOND), false, &result));
    CHECK(result.warp > 50 * SECOND && result.warp <= 60 * SECOND);
    CHECK(!meet((int64_t)(60 * SECOND), false, &result));
    CHECK(result.warp > 50 * SECOND && result.warp <= 60 * SECOND);
}

TEST(tsc_difference_is_shifted_away)
{
    struct tsc_result result;

    CHECK(meet(-(int64_t)(60 * SECOND), true, &result));
    CHECK_EQUAL(result.warp, 0);
    CHECK(result.shifted > (int64_t)(50 * SECOND));
    CHECK(meet((int64_t)(60 * SECOND), true, &result));
    CHECK(result.shifted < -(int64_t)(50 * SECOND));
}

TEST(tsc_follower_that_stops_is_given_up)
{
    struct tsc_result result;

    memset(&meeting, 0, sizeof(meeting));
    CHECK(!tsc_lead(&meeting, &tsc, SECOND / 100, &result));
}
