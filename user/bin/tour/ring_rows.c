// Events as rows of the chapter's table: OS, hardware, program. A row with a time was recorded;
// rows without are the steps that hardware and program take between two events. Called through
// ring.h.
#include "ring.h"

#include <stdio.h>
#include <sys/syscall.h>

#define NAME_LIMIT 4

static struct {
    uint32_t thread;
    const char *name;
} names[NAME_LIMIT];
static size_t name_count;

void ring_forget_names(void)
{
    name_count = 0;
}

void ring_name(uint32_t thread, const char *name)
{
    if (name_count < NAME_LIMIT)
        names[name_count++] = (typeof(names[0])){ thread, name };
}

static const char *name_of(uint32_t thread)
{
    for (size_t i = 0; i < name_count; i++)
        if (names[i].thread == thread)
            return names[i].name;
    return NULL;
}

static const char *call_name(uint64_t number)
{
    static const char *const words[] = {
        [SYS_read] = "read",
        [SYS_write] = "write",
        [SYS_sched_yield] = "sched_yield",
        [SYS_getppid] = "getppid",
        [SYS_exit_group] = "exit_group",
        [SYS_wait4] = "wait4",
    };
    return number < COUNT_OF(words) && words[number] ? words[number] : "?";
}

static const char *reason_words(uint64_t reason)
{
    static const char *const words[] = {
        [SWITCH_SLICE_OVER] = "its slice is over",
        [SWITCH_BLOCKED] = "it waits",
        [SWITCH_YIELDED] = "it yields",
        [SWITCH_EXITED] = "it has ended",
        [SWITCH_WOKEN_BETTER] = "a better one",
    };
    return reason < COUNT_OF(words) ? words[reason] : "?";
}

static bool is_program(uint64_t rip)
{
    return rip >> 63 == 0;
}

// A device's interrupt of the kernel is none of the program's steps, and goes back to where it was.
static void show_interrupt(const struct trace_event *event, const char *name, uint64_t ns)
{
    bool is_timer = event->a == VECTOR_TIMER;
    const char *source = is_timer ? "timer" : "device";
    if (!is_timer && !is_program(event->b))
        return;
    if (is_program(event->b))
        table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "%s: at 0x%llx", name,
                  (unsigned long long)event->b);
    table_row(COLUMN_HARDWARE, TIME_UNKNOWN, "%s interrupt%s", source,
              is_program(event->b) ? ", to kernel mode" : " in the kernel");
    table_row(COLUMN_OS, ns, "save regs(%s) on k-stack(%s); vector 0x%llx, %s", name, name,
              (unsigned long long)event->a, source);
}

static void show_exception(const struct trace_event *event, const char *name, uint64_t ns)
{
    unsigned long long vector = event->a;
    if (is_program(event->b))
        table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "%s: at 0x%llx", name,
                  (unsigned long long)event->b);
    table_row(COLUMN_HARDWARE, TIME_UNKNOWN, "exception %llu%s", vector,
              is_program(event->b) ? ", to kernel mode" : " in the kernel");
    table_row(COLUMN_OS, ns, "save the registers; vector %llu", vector);
}

static void show_entry(const struct trace_event *event, const char *name, uint64_t ns)
{
    unsigned long long number = event->b;
    if (is_interrupt(event->a)) {
        show_interrupt(event, name, ns);
    } else if (event->a == VECTOR_SYSCALL) {
        table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "%s: syscall, rax %llu", name, number);
        table_row(COLUMN_HARDWARE, TIME_UNKNOWN, "to kernel mode, by LSTAR");
        table_row(COLUMN_OS, ns, "save regs(%s) on k-stack(%s); call %llu, %s", name, name, number,
                  call_name(number));
    } else {
        show_exception(event, name, ns);
    }
}

static void show_exit_row(const struct trace_event *event, const char *name, uint64_t ns)
{
    table_row(COLUMN_OS, ns, "restore regs(%s); return-from-trap: %s", name,
              event->a ? "SYSRET" : "IRETQ");
    table_row(COLUMN_HARDWARE, TIME_UNKNOWN, "to user mode");
    table_row(COLUMN_PROGRAM, TIME_UNKNOWN, "%s: at 0x%llx", name, (unsigned long long)event->b);
}

static void show_switch_row(const struct trace_event *event, const char *name, uint64_t ns)
{
    const char *next = name_of((uint32_t)event->a);
    if (next != NULL)
        table_row(COLUMN_OS, ns, "switch(%s to %s): %s", name, next, reason_words(event->b));
    else
        table_row(COLUMN_OS, ns, "switch(%s to thread %llu): %s", name,
                  (unsigned long long)event->a, reason_words(event->b));
}

static void show_event(const struct trace_event *event, const char *name, uint64_t ns)
{
    unsigned long long a = event->a, b = event->b;
    char words[48];
    switch (event->type) {
    case TRACE_ENTRY:
        show_entry(event, name, ns);
        break;
    case TRACE_EXIT:
        show_exit_row(event, name, ns);
        break;
    case TRACE_SWITCH:
        show_switch_row(event, name, ns);
        break;
    case TRACE_WAKE:
        if (name_of((uint32_t)a) != NULL)
            table_row(COLUMN_OS, ns, "%s may go on: it is woken", name_of((uint32_t)a));
        break;
    case TRACE_FAULT:
        table_row(COLUMN_OS, ns, "%s 0x%llx",
                  a == VECTOR_PAGE_FAULT ? "it wanted address" : "the instruction is at", b);
        break;
    case TRACE_VERDICT:
        table_row(COLUMN_OS, ns, "verdict: %s", a ? signal_word((int)a) : "resolved, go on");
        break;
    case TRACE_PROCESS_EXIT:
        table_row(COLUMN_OS, ns, "all it had is back; %s %s", name,
                  verdict_words((int)b, words, sizeof(words)));
        break;
    }
}

void ring_show(const struct ring *ring, size_t first, size_t last)
{
    table_head();
    for (size_t i = first; i <= last && i < ring->count; i++) {
        const struct trace_event *event = &ring->events[i];
        const char *name = name_of(event->thread);
        if (name != NULL)
            show_event(event, name, ring_ns(ring, event->tsc - ring->events[first].tsc));
    }
    printf("\n");
}
