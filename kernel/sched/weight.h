// Weights: shares of a CPU in proportion to them, from nice values. Called where rights change and
// by the policies that promise shares.
#pragma once

#include "lib/types.h"
#include "sched/thread.h"

#define NICE_MINIMUM (-20)
#define NICE_MAXIMUM 19
#define WEIGHT_NICE_0 1024u
#define WEIGHT_IDLE 3u // of SCHED_IDLE

uint32_t weight_of(const struct thread_rights *rights);

// Time of a thread of that weight in the measure in which all get the same: that of weight
// WEIGHT_NICE_0 counts once. Exact, rounded down.
static inline uint64_t weighted_ticks(uint64_t ticks, uint32_t weight)
{
    if (likely(weight == WEIGHT_NICE_0))
        return ticks;
    return min_of(ticks, UINT64_MAX / WEIGHT_NICE_0) * WEIGHT_NICE_0 / weight;
}
