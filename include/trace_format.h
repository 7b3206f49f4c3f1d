// The event rings' format, version 2. From these tables come the recorder's and the guest's enums,
// the names, and the host's decoder (test/trace.py reads this file). Events are 32 bytes. An event
// is recorded when what it names is done, but for ENTRY, FAULT and SWITCH, which come first.
#pragma once

#include <stdint.h>

// TRACE_EVENT(NUMBER, NAME, meaning of a, meaning of b)
#define TRACE_EVENTS(TRACE_EVENT)                                                                  \
    TRACE_EVENT(1, ENTRY, "vector (256 = SYSCALL | call number << 32)", "rip")                     \
    TRACE_EVENT(2, EXIT, "enum exit_path", "rip it goes to")                                       \
    TRACE_EVENT(3, SWITCH, "thread id to | frames in use << 32", "reason | runnable count << 8")   \
    TRACE_EVENT(4, FAULT, "vector", "address (CR2) or rip")                                        \
    TRACE_EVENT(5, VERDICT, "signal number, 0 = resolved", "rip")                                  \
    TRACE_EVENT(6, WAKE, "thread id woken", "thread id of the waker")                              \
    TRACE_EVENT(7, FORK, "child pid", "parent pid")                                                \
    TRACE_EVENT(8, EXEC, "pid", "entry point")                                                     \
    TRACE_EVENT(9, PROCESS_EXIT, "pid", "wait status")                                             \
    TRACE_EVENT(10, TIMER_ARM, "deadline in ns", "0")                                              \
    TRACE_EVENT(11, TIMER_FIRE, "now in ns", "0")                                                  \
    TRACE_EVENT(12, DIRECT, "1 = direct= calls, 0 = it returned", "entry point, or the result")    \
    TRACE_EVENT(13, SWITCHED, "own thread id", "own kernel stack top")                             \
    TRACE_EVENT(14, NAME, "thread id | pid << 32 (0: kernel thread)", "first 8 bytes of the name") \
    TRACE_EVENT(15, STEP, "enum trace_step", "value, see TRACE_STEPS")                             \
    TRACE_EVENT(16, PARENT, "pid", "pid of its parent; state at open only")                        \
    TRACE_EVENT(17, SHOOTDOWN, "first address, of this CPU's TLB", "page count")                   \
    TRACE_EVENT(18, MIGRATE, "thread id", "CPU number to | from << 32")

// The steps of the chapter's Figures 6.1 to 6.3 that are no event of their own.
// TRACE_STEP(NUMBER, NAME, column in the figure, the book's words, meaning of the value)
#define TRACE_STEPS(TRACE_STEP)                                                                    \
    TRACE_STEP(7, BEGIN, OS, "begin: stacks, control registers", "CR4")                            \
    TRACE_STEP(1, TRAP_TABLE, OS, "initialize trap table", "IDT base")                             \
    TRACE_STEP(2, SYSCALL_HANDLER, HARDWARE, "remember address of syscall handler", "LSTAR")       \
    TRACE_STEP(3, SYSCALL_SEGMENTS, HARDWARE, "and the segments of both modes", "STAR")            \
    TRACE_STEP(4, SYSCALL_FLAGS, HARDWARE, "and the flags that a trap clears", "SFMASK")           \
    TRACE_STEP(5, TIMER_HANDLER, HARDWARE, "remember address of timer handler", "IDT entry")       \
    TRACE_STEP(8, DEVICES, OS, "find memory, screen, clocks", "TSC ticks in a second")             \
    TRACE_STEP(6, TIMER_START, OS, "start interrupt timer", "slice in ns")                         \
    TRACE_STEP(16, CREATE_ENTRY, OS, "create entry for process list", "pid")                       \
    TRACE_STEP(17, COPY_MEMORY, OS, "copy memory of parent (on write)", "page-table root")         \
    TRACE_STEP(18, ALLOCATE_MEMORY, OS, "allocate memory for program", "page-table root")          \
    TRACE_STEP(19, LOAD_PROGRAM, OS, "load program into memory", "entry point")                    \
    TRACE_STEP(20, USER_STACK, OS, "set up user stack with argv", "stack pointer")                 \
    TRACE_STEP(21, KERNEL_STACK, OS, "fill kernel stack with reg/PC", "where they lie")            \
    TRACE_STEP(22, SAVE_PROCESS, OS, "save regs(A) to proc-struct(A)", "thread id of A")           \
    TRACE_STEP(23, FREE_MEMORY, OS, "free memory of process", "pid")                               \
    TRACE_STEP(24, REMOVE_ENTRY, OS, "remove from process list", "pid")

#define TRACE_STEP_FIRST_AT_RUN 16u // those before are the boot's

#define TRACE_EVENT_ENUM(number, name, a_meaning, b_meaning) TRACE_##name = (number),
enum trace_type { TRACE_EVENTS(TRACE_EVENT_ENUM) };
#undef TRACE_EVENT_ENUM

#define TRACE_STEP_ENUM(number, name, column, words, value) STEP_##name = (number),
enum trace_step { TRACE_STEPS(TRACE_STEP_ENUM) };
#undef TRACE_STEP_ENUM

// Why a thread gave the CPU away: low byte of SWITCH's b.
enum switch_reason {
    SWITCH_SLICE_OVER,
    SWITCH_BLOCKED,
    SWITCH_YIELDED,
    SWITCH_EXITED,
    SWITCH_WOKEN_BETTER,
};

// In words, for an array that the reasons index.
#define SWITCH_REASON_WORDS                                                                        \
    {                                                                                              \
        [SWITCH_SLICE_OVER] = "its slice is over", [SWITCH_BLOCKED] = "it waits",                  \
        [SWITCH_YIELDED] = "it yields", [SWITCH_EXITED] = "it has ended",                          \
        [SWITCH_WOKEN_BETTER] = "a better one is woken",                                           \
    }

// How an entry ends: a of EXIT.
enum exit_path {
    EXIT_IRETQ,
    EXIT_SYSRET,
    EXIT_TO_KERNEL, // IRETQ to the kernel code, or the idle loop, that was interrupted
};

struct trace_event {
    uint64_t tsc;  // 0: no event but state at open (NAME, PARENT)
    uint16_t type; // enum trace_type
    uint16_t cpu;
    uint32_t thread; // id of the thread that was running; 0 is idle
    uint64_t a;
    uint64_t b;
};

_Static_assert(sizeof(struct trace_event) == 32, "trace_event layout");

// /proc/trace and the TRACE channel of exec: this header, then events: the state at open (time 0),
// the boot's STEPs, then the rings', oldest first. An interrupt may fall between the reservation of
// an event and its time stamp, so readers sort by time, stably.
struct trace_file_header {
    uint64_t magic; // TRACE_FILE_MAGIC
    uint32_t version;
    uint32_t event_size;
    uint64_t tsc_hz;
    uint64_t event_count; // events that follow
    uint64_t lost_count;  // overwritten before they were read
    uint64_t zero_tsc;    // TSC when the clock of TIMER_ARM and TIMER_FIRE was 0
    uint64_t open_tsc;    // TSC when the file was opened
    uint32_t ring_events; // room of each CPU's ring; 0: tracing is off
    uint32_t cpu_count;   // CPUs that run
    uint64_t event_ticks; // what recording 1024 events costs, measured at boot
    uint64_t reserved;
};

_Static_assert(sizeof(struct trace_file_header) == 80, "trace_file_header layout");

#define TRACE_FILE_MAGIC 0x4543415254464e52ull // "RNFTRACE"
#define TRACE_FILE_VERSION 2u
