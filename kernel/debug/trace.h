// The event rings: fixed-size binary events with TSC stamps, one ring per CPU, cheap enough to stay
// compiled in. Recording overwrites the oldest, never blocks, takes no lock, and is safe in an NMI.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"
#include "trace_format.h"

#define TRACE_DEFAULT_EVENTS 16384u // per CPU; `trace=`
#define TRACE_MINIMUM_EVENTS 64u    // NMIs are far from going round in one
#define TRACE_MAXIMUM_EVENTS 131072u
#define TRACE_KEPT_LIMIT 32u

// True once the boot CPU has its ring. Set at boot, before the first thread; read-only afterwards.
extern bool trace_enabled;

// All registers but R11 come back as they were: where tracing is off, its callers pay for the test
// alone. Never inlined, so that what is measured at boot is what every event costs.
__attribute__((preserve_most, noinline)) void trace_record(enum trace_type type, uint64_t a,
                                                           uint64_t b);

// Records an event of this CPU. Any context in which GS is the kernel's, NMI included. Nothing is
// evaluated when tracing is off: one predictable test.
#define trace(type, a, b)                                                                          \
    do {                                                                                           \
        if (unlikely(trace_enabled))                                                               \
            trace_record(type, (uint64_t)(a), (uint64_t)(b));                                      \
    } while (0)
#define trace_step(step, value) trace(TRACE_STEP, step, value)

// On the stack of a thread that was just switched to, interrupts off: from here on, the events of
// this CPU are its. Call when trace_enabled.
void trace_switched(uint32_t thread, uint64_t stack_top);
// What a thread is called; pid 0: a kernel thread. Call when trace_enabled. `name` is a whole
// array, NUL-padded behind its text or not.
void trace_name(uint32_t thread, uint32_t pid, const char *name);
uint64_t trace_short_name(const char *name); // the first 8 bytes, as NAME has them

// Steps of the boot and names of kernel threads, kept for good in a small array (TRACE_KEPT_LIMIT;
// more are dropped), with tracing on or off. Boot CPU only, in thread context or before threads.
void trace_keep(enum trace_type type, uint64_t a, uint64_t b);
size_t trace_kept(const struct trace_event **events); // how many

// Gives a CPU its ring: `count` events (a power of two, at least TRACE_MINIMUM_EVENTS), zeroed, for
// good. Before that CPU records; without a ring a CPU's events are dropped.
void trace_add_ring(struct percpu *cpu, struct trace_event *events, uint32_t count);
uint32_t trace_ring_events(void); // room of the boot CPU's ring; 0: tracing is off
uint64_t trace_event_ticks(void); // what recording 1024 events costs, measured with that ring

// How many events the ring of `cpu` holds, and how many were overwritten.
uint64_t trace_count(uint32_t cpu, uint64_t *lost);
// Copies events first .. first + count - 1, numbered since boot (the oldest held is the one behind
// those lost); returns how many were copied. Those that are overwritten, now or meanwhile, or not
// yet whole, are left out. The ring may be that of a CPU that goes on recording.
size_t trace_copy(uint32_t cpu, uint64_t first, struct trace_event *events, size_t count);
// The last events of this CPU in words, to the emergency log; for panic.
void trace_print_last(size_t count);
