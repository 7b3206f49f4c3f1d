// Whether two CPUs' time stamp counters agree: readings are passed to and fro, and none may be
// older than the one that came with it. One CPU leads, the other follows; both with interrupts off.
// Pure but for the two functions given, so that the host tests run it on two threads.
#pragma once

#include <stdatomic.h>

#include "lib/types.h"

struct tsc_clock {
    uint64_t (*read)(void);            // after every earlier load
    void (*shift)(int64_t difference); // adds to this CPU's counter; the follower's is called
};

// Zeroed before the two meet; nobody else's afterwards: the follower may be late to see the end.
struct tsc_meeting {
    atomic_uint turn;
    uint64_t stamp;     // of whose turn is over
    uint64_t behind;    // most that the follower was seen to be
    int64_t correction; // what the follower is to add
};

struct tsc_result {
    uint64_t warp;       // most that one was seen to be behind the other; 0: they agree
    uint64_t round_trip; // shortest: a difference of less cannot be seen, by anybody
    int64_t shifted;     // in total
};

// True: they agree, if need be after shifts. False: they do not, or the other stopped answering
// within `limit` ticks.
must_check bool tsc_lead(struct tsc_meeting *meeting, const struct tsc_clock *clock, uint64_t limit,
                         struct tsc_result *result);
// Until the leader has seen enough; its answer.
must_check bool tsc_follow(struct tsc_meeting *meeting, const struct tsc_clock *clock);
