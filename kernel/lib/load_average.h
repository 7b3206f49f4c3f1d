// Load averages without a periodic tick: a count that changes now and then is averaged with
// exponentially falling weight over 1, 5 and 15 minutes. Pure; values are 32.32 fixed point. Times
// are in ticks of any clock between 1 kHz and 100 GHz and never fall.
#pragma once

#include "lib/types.h"

#define LOAD_AVERAGE_COUNT 3u
#define LOAD_ONE (1ull << 32)

struct load_average {
    uint64_t average[LOAD_AVERAGE_COUNT]; // at `since`
    uint64_t hz;                          // ticks a second; set once
    uint64_t since;
    uint64_t changed; // the count is what it is since then
    uint64_t area;    // count times ticks, from `since` to `changed`; less than a second of them
    uint32_t count;
};

// The averages move on to now.
void load_average_advance(struct load_average *load, uint64_t now);
// The count becomes another one now. Cheap: the averages move on about once a second.
static inline void load_average_change(struct load_average *load, uint64_t now, uint32_t count)
{
    if (now - load->since >= load->hz) {
        load_average_advance(load, now);
    } else {
        load->area += load->count * (now - load->changed);
        load->changed = now;
    }
    load->count = count;
}
// The averages as of now.
void load_average_read(const struct load_average *load, uint64_t now,
                       uint64_t averages[LOAD_AVERAGE_COUNT]);
// exp(-elapsed / period) as a fraction of LOAD_ONE, good to 2^-26.
uint64_t load_average_decay(uint64_t elapsed_us, uint64_t period_us);
