// The comparison of two time stamp counters. Called by boot/processors.c for each further CPU.
// Invariant: whose turn it is alone writes the meeting, and hands the turn over last.
#include "cpu/tsc_compare.h"

#include "cpu/registers.h"

#define ROUNDS_AT_MOST 64u
#define ROUNDS_AT_LEAST 2u // where each may cost time slices of an emulator's host
#define ROUNDS_TICKS 3000000ull
#define ATTEMPTS 4u

enum turn { TURN_LEADER, TURN_COMPARE, TURN_SHIFT, TURN_AGREED, TURN_REFUSED };

// Of one attempt.
struct observation {
    uint64_t ahead; // most that the follower was seen to be
    uint64_t shortest;
    int64_t difference; // follower - leader, in the middle of the shortest round
};

static void hand_over(struct tsc_meeting *meeting, enum turn turn)
{
    atomic_store_explicit(&meeting->turn, turn, memory_order_release);
}

static enum turn current_turn(struct tsc_meeting *meeting)
{
    return (enum turn)atomic_load_explicit(&meeting->turn, memory_order_acquire);
}

// The limit is by this CPU's counter alone, which goes forward whatever the other's does.
static bool wait_for_answer(struct tsc_meeting *meeting, const struct tsc_clock *clock,
                            uint64_t limit)
{
    uint64_t begin = clock->read();

    while (current_turn(meeting) != TURN_LEADER) {
        if (clock->read() - begin > limit)
            return false;
        cpu_relax();
    }
    return true;
}

static bool compare_once(struct tsc_meeting *meeting, const struct tsc_clock *clock, uint64_t limit,
                         struct observation *seen)
{
    uint64_t sent = clock->read();

    meeting->stamp = sent;
    hand_over(meeting, TURN_COMPARE);
    if (!wait_for_answer(meeting, clock, limit))
        return false;
    uint64_t theirs = meeting->stamp;
    uint64_t received = clock->read();
    if (theirs > received && theirs - received > seen->ahead)
        seen->ahead = theirs - received;
    if (received - sent < seen->shortest) {
        seen->shortest = received - sent;
        seen->difference = (int64_t)(theirs - (sent + (received - sent) / 2));
    }
    return true;
}

static bool compare(struct tsc_meeting *meeting, const struct tsc_clock *clock, uint64_t limit,
                    struct observation *seen)
{
    uint64_t begin = clock->read();

    *seen = (struct observation){ .shortest = UINT64_MAX };
    meeting->behind = 0;
    for (uint32_t round = 0; round < ROUNDS_AT_MOST; round++) {
        if (round >= ROUNDS_AT_LEAST && clock->read() - begin > ROUNDS_TICKS)
            break;
        if (!compare_once(meeting, clock, limit, seen))
            return false;
    }
    return true;
}

static bool lead(struct tsc_meeting *meeting, const struct tsc_clock *clock, uint64_t limit,
                 struct tsc_result *result)
{
    struct observation seen;

    for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!compare(meeting, clock, limit, &seen))
            return false;
        result->warp = meeting->behind > seen.ahead ? meeting->behind : seen.ahead;
        result->round_trip = seen.shortest;
        if (result->warp == 0)
            return true;
        meeting->correction = -seen.difference;
        result->shifted += meeting->correction;
        hand_over(meeting, TURN_SHIFT);
        if (!wait_for_answer(meeting, clock, limit))
            return false;
    }
    return false;
}

bool tsc_lead(struct tsc_meeting *meeting, const struct tsc_clock *clock, uint64_t limit,
              struct tsc_result *result)
{
    *result = (struct tsc_result){ 0 };
    bool agree = lead(meeting, clock, limit, result);
    hand_over(meeting, agree ? TURN_AGREED : TURN_REFUSED);
    return agree;
}

bool tsc_follow(struct tsc_meeting *meeting, const struct tsc_clock *clock)
{
    for (;;) {
        enum turn turn = current_turn(meeting);
        if (turn == TURN_AGREED || turn == TURN_REFUSED)
            return turn == TURN_AGREED;
        if (turn == TURN_LEADER) {
            cpu_relax();
            continue;
        }
        if (turn == TURN_SHIFT) {
            clock->shift(meeting->correction);
        } else {
            uint64_t theirs = meeting->stamp, mine = clock->read();
            if (mine < theirs && theirs - mine > meeting->behind)
                meeting->behind = theirs - mine;
            meeting->stamp = clock->read();
        }
        hand_over(meeting, TURN_LEADER);
    }
}
