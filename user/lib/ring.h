// The kernel's event rings, as programs ask them: what was recorded since a moment, and by which
// thread. rows.h puts it into the chapter's words.
#pragma once

#include "program.h"
#include "trace_format.h"

// Vectors, as ENTRY and FAULT have them.
#define VECTOR_PROTECTION 13u
#define VECTOR_PAGE_FAULT 14u
#define VECTOR_FIRST_INTERRUPT 32u // up to 255: from devices and the timer
#define VECTOR_LAST_INTERRUPT 255u
#define VECTOR_TIMER 0xe0u
#define VECTOR_SYSCALL 256u

#define ANY_THREAD 0u
#define ANY UINT64_MAX

struct ring {
    const struct trace_event *events; // in the order of time; those of the state come first
    size_t count;
    uint64_t tsc_hz;
    uint64_t zero_tsc;             // when the kernel's clock was 0
    uint64_t lost_count;           // overwritten, of the whole ring
    uint64_t room;                 // events that the ring holds; 0: tracing is off
    uint64_t event_ticks;          // what recording 1024 events costs
    const struct trace_event *all; // the same and what was before `since_tsc`, all_count of them
    size_t all_count;
};

static inline uint64_t read_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

// Reads /proc/trace; `events` are those at `since_tsc` or later. They stay until the next call.
// NULL, or a sentence about why there are none.
const char *ring_load(struct ring *ring, uint64_t since_tsc);
// Leaves out the events of other CPUs.
void ring_keep_cpu(struct ring *ring, unsigned cpu);
// Writes the events that ring_load() read, with their header, as /proc/trace had them. False: it
// could not.
bool ring_write(const struct ring *ring, int fd);
// Whether a vector is that of an interrupt, by a device or the timer, and not of an exception.
bool is_interrupt(uint64_t vector);
// The parts that some events pack into one word.
uint32_t event_vector(const struct trace_event *event); // of ENTRY
uint32_t event_call(const struct trace_event *event);   // of ENTRY by SYSCALL
uint64_t ring_ns(const struct ring *ring, uint64_t ticks);
// The thread of a process; ANY_THREAD when the ring does not know.
uint32_t ring_thread(const struct ring *ring, pid_t pid);
// The next event at `from` or later with these properties; ring->count when there is none. `a` and
// `b` are ENTRY's vector and system-call number (or rip), SWITCH's thread and reason.
size_t ring_find(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                 uint64_t a, uint64_t b);
// The last such event before `from`; ring->count when there is none.
size_t ring_find_before(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                        uint64_t a, uint64_t b);
size_t ring_count(const struct ring *ring, uint32_t thread, enum trace_type type, uint64_t a,
                  uint64_t b);
