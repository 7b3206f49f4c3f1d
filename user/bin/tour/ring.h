// The kernel's event ring, as scenes ask it: what was recorded since a moment, by which thread, and
// the same as rows of the chapter's table.
#pragma once

#include "output.h"
#include "trace_format.h"

// Vectors, as ENTRY's `a` and FAULT's `a` have them.
#define VECTOR_PROTECTION 13u
#define VECTOR_PAGE_FAULT 14u
#define VECTOR_FIRST_INTERRUPT 32u // up to 255: from devices and the timer
#define VECTOR_LAST_INTERRUPT 255u
#define VECTOR_TIMER 0xe0u
#define VECTOR_SYSCALL 256u

#define ANY_THREAD 0u
#define ANY UINT64_MAX

struct ring {
    const struct trace_event *events; // oldest first
    size_t count;
    uint64_t tsc_hz;
    uint64_t lost_count; // overwritten, of the whole ring
};

static inline uint64_t read_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

// Reads /proc/trace; keeps what happened at `since_tsc` or later. The events stay until the next
// call. False, with a failed claim, when nothing is recorded.
bool ring_read(struct ring *ring, uint64_t since_tsc);
// Whether a vector is that of an interrupt, by a device or the timer, and not of an exception.
bool is_interrupt(uint64_t vector);
uint64_t ring_ns(const struct ring *ring, uint64_t ticks);
// The thread of a process that ended or began since; ANY_THREAD when the ring does not know.
uint32_t ring_thread(const struct ring *ring, pid_t pid);
// The next event at `from` or later with these properties; ring->count when there is none.
size_t ring_find(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                 uint64_t a, uint64_t b);
// The last such event before `from`; ring->count when there is none.
size_t ring_find_before(const struct ring *ring, size_t from, uint32_t thread, enum trace_type type,
                        uint64_t a, uint64_t b);
size_t ring_count(const struct ring *ring, uint32_t thread, enum trace_type type, uint64_t a,
                  uint64_t b);

// The names of the threads in tables: each scene calls its programs A, B.
void ring_forget_names(void);
void ring_name(uint32_t thread, const char *name);
// Rows for the events first .. last of the named threads, with the steps in between that hardware
// and program must have taken. Prints the table's head.
void ring_show(const struct ring *ring, size_t first, size_t last);
