// The longest stretch with interrupts off and the longest without a preemption point, measured on
// every CPU from the start, with the address that ended each. The lean build (DEBUG=0) does not
// measure: it would be a fifth of the cheapest system call.
#pragma once

#include "cpu/percpu.h"
#include "lib/protection.h"
#include "lib/types.h"

// A thread entered the kernel, passed a preemption point, or came back from a block. `place` is the
// code address that the report names if the stretch that ends here is the longest.
void latency_mark_now(uint64_t place);
static inline void latency_mark(uint64_t place)
{
    if (DEBUG_CHECKS)
        latency_mark_now(place);
}
// A thread leaves for user mode, blocks or idles: the stretch ends here.
void latency_end_now(uint64_t place);
static inline void latency_end(uint64_t place)
{
    if (DEBUG_CHECKS)
        latency_end_now(place);
}
// Log lines with both maxima of all CPUs, symbolised.
void latency_report(void);
