// Load averages without a periodic tick: a count that changes now and then is averaged with
// exponentially falling weight over 1, 5 and 15 minutes. Pure; values are 32.32 fixed point. Times
// are in ns and never fall.
#pragma once

#include "lib/types.h"

#define LOAD_AVERAGE_COUNT 3u
#define LOAD_ONE (1ull << 32)

struct load_average {
    uint64_t average[LOAD_AVERAGE_COUNT]; // at `since_ns`
    uint64_t since_ns;
    uint64_t changed_ns; // the count is what it is since then
    uint64_t area;       // count times ns, from since_ns to changed_ns
    uint32_t count;
};

// The count becomes another one now. Cheap; the averages move on every few seconds only.
void load_average_change(struct load_average *load, uint64_t now_ns, uint32_t count);
// The averages as of now.
void load_average_read(const struct load_average *load, uint64_t now_ns,
                       uint64_t averages[LOAD_AVERAGE_COUNT]);
// exp(-elapsed / period) as a fraction of LOAD_ONE, good to 2^-26.
uint64_t load_average_decay(uint64_t elapsed_ns, uint64_t period_ns);
