// The event ring's format: one table of event types, from which the recorder, the names and the
// host's decoder (test/trace.py reads this file) are generated. Events are 32 bytes.
//
// TRACE_EVENT(NUMBER, NAME, meaning of a, meaning of b)
#pragma once

#include <stdint.h>

#define TRACE_EVENTS(TRACE_EVENT)                                                                  \
    TRACE_EVENT(1, ENTRY, "vector (256 = SYSCALL)", "rip, or system-call number for SYSCALL")      \
    TRACE_EVENT(2, EXIT, "1 = SYSRET, 0 = IRETQ", "rip")                                           \
    TRACE_EVENT(3, SWITCH, "thread id switched to", "enum switch_reason")                          \
    TRACE_EVENT(4, FAULT, "vector", "address (CR2) or rip")                                        \
    TRACE_EVENT(5, VERDICT, "signal number, 0 = resolved", "rip")                                  \
    TRACE_EVENT(6, WAKE, "thread id woken", "thread id of the waker")                              \
    TRACE_EVENT(7, FORK, "child pid", "parent pid")                                                \
    TRACE_EVENT(8, EXEC, "pid", "entry point")                                                     \
    TRACE_EVENT(9, PROCESS_EXIT, "pid", "wait status")                                             \
    TRACE_EVENT(10, TIMER_ARM, "deadline in ns", "0")                                              \
    TRACE_EVENT(11, TIMER_FIRE, "now in ns", "0")                                                  \
    TRACE_EVENT(12, DIRECT, "1 = direct= calls, 0 = it returned", "entry point, or the result")

// Why a thread gave the CPU away: b of SWITCH.
enum switch_reason {
    SWITCH_SLICE_OVER,
    SWITCH_BLOCKED,
    SWITCH_YIELDED,
    SWITCH_EXITED,
    SWITCH_WOKEN_BETTER,
};

struct trace_event {
    uint64_t tsc;
    uint16_t type; // TRACE_EVENTS number
    uint16_t cpu;
    uint32_t thread; // id of the thread that was running
    uint64_t a;
    uint64_t b;
};

_Static_assert(sizeof(struct trace_event) == 32, "trace_event layout");

// /proc/trace and the TRACE channel of exec begin with this header, then events, oldest first.
struct trace_file_header {
    uint64_t magic; // TRACE_FILE_MAGIC
    uint32_t version;
    uint32_t event_size;
    uint64_t tsc_hz;
    uint64_t event_count; // events that follow
    uint64_t lost_count;  // overwritten before they were read
};

#define TRACE_FILE_MAGIC 0x4543415254464e52ull // "RNFTRACE"
#define TRACE_FILE_VERSION 1u
