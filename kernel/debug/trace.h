// The event ring: fixed-size binary events with TSC stamps, one ring per CPU, cheap enough to stay
// compiled in. Recording overwrites the oldest, never blocks, takes no lock, and is safe in an NMI.
#pragma once

#include "lib/types.h"
#include "trace_format.h"

#define TRACE_RING_EVENTS 16384u // per CPU

// One predictable test when off. The checked build starts with it on, the lean one off; `trace=`.
extern bool trace_enabled;

void trace_record(enum trace_type type, uint64_t a, uint64_t b);

static inline void trace(enum trace_type type, uint64_t a, uint64_t b)
{
    if (trace_enabled)
        trace_record(type, a, b);
}

// Gives another CPU its ring of TRACE_RING_EVENTS zeroed events, before that CPU runs; the boot CPU
// has one. Without a ring a CPU's events are dropped.
void trace_add_cpu(uint32_t cpu, struct trace_event *events);

// How many events the ring of `cpu` holds, and how many were overwritten.
uint64_t trace_count(uint32_t cpu, uint64_t *lost);
// Copies events first .. first + count - 1 (0 is the oldest held); returns how many were copied.
// Events that are overwritten meanwhile are left out; to read a ring whole, turn recording off.
size_t trace_copy(uint32_t cpu, uint64_t first, struct trace_event *events, size_t count);
// The last events, decoded, to the emergency log; for panic.
void trace_print_last(size_t count);
