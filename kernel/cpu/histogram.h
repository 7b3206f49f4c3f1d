// How often something took how long, per CPU, in buckets of powers of two TSC ticks: bucket 0 is
// less than 2, bucket n from 2^n to 2^(n+1) - 1, the last one everything longer. Counted by the CPU
// itself with interrupts off; summed over the CPUs, and said in nanoseconds, by whoever reads
// (pseudo/proc_latency.c).
#pragma once

#include "cpu/clock.h"
#include "cpu/percpu.h"

enum histogram {
    HISTOGRAM_WAKE_UP,        // from runnable, because woken or new, to running
    HISTOGRAM_TURN,           // from having to make way for others to running again
    HISTOGRAM_DUE_TO_SWITCH,  // from "a switch is due" to the switch
    HISTOGRAM_INTERRUPTS_OFF, // outermost stretches; only the checked build measures them
};

static inline uint32_t histogram_bucket(uint64_t ticks)
{
    return min_of(63u - (uint32_t)__builtin_clzll(ticks | 1), HISTOGRAM_BUCKETS - 1u);
}
// Nanoseconds that everything in the bucket is less than.
static inline uint64_t histogram_bound_ns(uint32_t bucket)
{
    return clock_ticks_to_ns((2ull << bucket) - 1) + 1;
}
// A stretch between two readings of TSCs, perhaps of two CPUs: then the second may be the smaller.
static inline void histogram_count(struct percpu *cpu, enum histogram which, uint64_t from_tsc,
                                   uint64_t to_tsc)
{
    uint64_t ticks = to_tsc > from_tsc ? to_tsc - from_tsc : 0;

    cpu->histograms[which][histogram_bucket(ticks)]++;
}
