// Events to rows: the words. What a thread is doing lies in row_threads.c's entries. Called through
// rows.h.
#include "rows.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "row_threads.h"

static void add_row(struct rows *rows, enum column column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_row(struct rows *rows, enum column column, const char *format, ...)
{
    va_list arguments;
    if (rows->count == ROW_LIMIT)
        return;
    struct row *row = &rows->rows[rows->count++];
    row->column = column;
    va_start(arguments, format);
    vsnprintf(row->text, sizeof(row->text), format, arguments);
    va_end(arguments);
}

#define add_os(rows, ...) add_row(rows, COLUMN_OS, __VA_ARGS__)
#define add_hardware(rows, ...) add_row(rows, COLUMN_HARDWARE, __VA_ARGS__)
#define add_program(rows, ...) add_row(rows, COLUMN_PROGRAM, __VA_ARGS__)

static const char *trap_words(const struct row_thread *thread, char *text, size_t size)
{
    if (thread->vector == VECTOR_SYSCALL)
        snprintf(text, size, "%s()", call_words(thread->call));
    else if (thread->vector == VECTOR_PAGE_FAULT)
        snprintf(text, size, "page fault at 0x%llx", (unsigned long long)thread->address);
    else if (thread->vector == VECTOR_TIMER)
        snprintf(text, size, "timer interrupt");
    else if (is_interrupt(thread->vector))
        snprintf(text, size, "interrupt 0x%x", thread->vector);
    else if (thread->vector == VECTOR_NONE)
        snprintf(text, size, "its first steps");
    else
        snprintf(text, size, "exception %u", thread->vector);
    return text;
}

static void add_hardware_entry(struct rows *rows, const char *name)
{
    add_hardware(rows, "save regs(%s) to k-stack(%s)", name, name);
    add_hardware(rows, "move to kernel mode");
    add_hardware(rows, "jump to trap handler");
}

static void add_interrupt(struct rows *rows, uint32_t vector, const char *where)
{
    if (vector == VECTOR_TIMER)
        add_hardware(rows, "timer interrupt%s", where);
    else if (is_interrupt(vector))
        add_hardware(rows, "interrupt 0x%x of a device%s", vector, where);
    else if (vector == VECTOR_PAGE_FAULT)
        add_hardware(rows, "page fault, exception 14%s", where);
    else
        add_hardware(rows, "exception %u%s", vector, where);
}

// The kernel was interrupted, or its idle loop.
static void show_inner_entry(const struct trace_event *event, struct row_thread *thread,
                             struct rows *rows)
{
    char words[ROW_SIZE / 2];
    thread->inner_vector = event_vector(event);
    if (event->thread == 0)
        add_os(rows, "idle: nobody wants the CPU");
    else if (thread->pid == 0)
        add_os(rows, "at work: %s", thread->name);
    else
        add_os(rows, "at work for %s: %s", thread->name, trap_words(thread, words, sizeof(words)));
    add_interrupt(rows, event_vector(event), ", in the kernel");
    add_hardware(rows, "jump to trap handler");
}

static void show_call(const struct row_thread *thread, struct rows *rows)
{
    if (thread->call == SYS_exit_group || thread->call == SYS_exit) {
        add_program(rows, "%s: return from main", thread->name);
        add_program(rows, "trap (via exit())");
    } else {
        add_program(rows, "%s: call %s()", thread->name, call_words(thread->call));
        add_program(rows, "trap into OS (%u)", thread->call);
    }
}

static void show_entry(const struct trace_event *event, struct row_thread *thread,
                       struct rows *rows)
{
    if (event_is_in_kernel(event)) {
        show_inner_entry(event, thread, rows);
        return;
    }
    thread->vector = event_vector(event);
    thread->call = event_call(event);
    thread->address = event->b;
    thread->told = false;
    if (thread->is_fresh)
        add_program(rows, "%s: run main()", thread->name);
    if (thread->vector == VECTOR_SYSCALL) {
        show_call(thread, rows);
    } else {
        if (!thread->is_fresh)
            add_program(rows, "%s: runs, at 0x%llx", thread->name, (unsigned long long)event->b);
        add_interrupt(rows, thread->vector, "");
    }
    thread->is_fresh = false;
    add_hardware_entry(rows, thread->name);
}

// What the OS did since the trap, unless it was said already.
static void show_handling(struct row_thread *thread, struct rows *rows)
{
    char words[ROW_SIZE / 2];
    if (thread->pid == 0 || thread->vector == VECTOR_NONE)
        return;
    add_os(rows, "%s: %s", thread->told ? "go on with the trap" : "handle the trap",
           trap_words(thread, words, sizeof(words)));
    thread->told = true;
}

static void show_exit(const struct trace_event *event, struct row_thread *thread, struct rows *rows)
{
    const char *how = event->a == EXIT_SYSRET ? "SYSRET" : "IRETQ";
    if (event->a == EXIT_TO_KERNEL) {
        add_os(rows, "handle the %s; go on where it was, in the kernel",
               is_interrupt(thread->inner_vector) ? "interrupt" : "fault");
        return;
    }
    bool only_left = thread->vector == VECTOR_NONE || thread->was_preempted;
    if (!only_left)
        show_handling(thread, rows);
    if (thread->came)
        add_os(rows, "return-from-trap (into %s), by %s", thread->name, how);
    else
        add_os(rows, "return-from-trap, by %s", how);
    add_hardware(rows, "restore regs(%s) from k-stack(%s)", thread->name, thread->name);
    add_hardware(rows, "move to user mode");
    if (thread->is_fresh)
        add_hardware(rows, "jump to main, by _start 0x%llx", (unsigned long long)event->b);
    else if (thread->vector == VECTOR_SYSCALL)
        add_hardware(rows, "jump to PC after trap: 0x%llx", (unsigned long long)event->b);
    else
        add_hardware(rows, "jump to %s's PC: 0x%llx", thread->name, (unsigned long long)event->b);
    thread->came = thread->was_preempted = false;
}

static const char *reason_words(uint64_t reason)
{
    static const char *const words[] = SWITCH_REASON_WORDS;
    return reason < COUNT_OF(words) ? words[reason] : "?";
}

static void show_switch(const struct trace_event *event, struct row_thread *thread,
                        struct rows *rows)
{
    uint64_t reason = event->b & 0xff;
    if (event->thread == 0) {
        add_os(rows, "idle: somebody wants the CPU");
    } else {
        // What is left of a trap that ran out of its slice is to return from it.
        thread->was_preempted = reason == SWITCH_YIELDED || is_interrupt(thread->vector);
        if (!thread->told || thread->vector != VECTOR_TIMER)
            show_handling(thread, rows);
    }
    add_os(rows, "call switch() routine (%s to %s)%s%s", thread->name,
           row_thread_of((uint32_t)event->a)->name, event->thread ? ": " : "",
           event->thread ? reason_words(reason) : "");
}

static void show_switched(const struct trace_event *event, struct row_thread *thread,
                          struct rows *rows)
{
    thread->came = true;
    add_os(rows, "restore regs(%s) from proc-struct(%s)", thread->name, thread->name);
    add_os(rows, "switch to k-stack(%s), below 0x%llx", thread->name, (unsigned long long)event->b);
}

static void show_step(const struct trace_event *event, struct rows *rows)
{
#define WORDS_OF(number, name, column, words, value) [number] = words,
    static const char *const words[] = { TRACE_STEPS(WORDS_OF) };
#undef WORDS_OF
    unsigned long long value = event->b;
    const char *text = event->a < COUNT_OF(words) && words[event->a] ? words[event->a] : "?";
    switch (event->a) {
    case STEP_CREATE_ENTRY:
    case STEP_FREE_MEMORY:
    case STEP_REMOVE_ENTRY:
        add_os(rows, "%s: %s, pid %llu", text, row_name_of_pid((uint32_t)event->b), value);
        break;
    case STEP_SAVE_PROCESS:
        text = row_thread_of((uint32_t)event->b)->name;
        add_os(rows, "save regs(%s) to proc-struct(%s)", text, text);
        break;
    case STEP_COPY_MEMORY:
    case STEP_ALLOCATE_MEMORY:
        add_os(rows, "%s: page tables at 0x%llx", text, value);
        break;
    case STEP_LOAD_PROGRAM:
        add_os(rows, "%s: it begins at 0x%llx", text, value);
        break;
    default:
        add_os(rows, "%s: 0x%llx", text, value);
    }
}

static void show_timer(const struct trace_event *event, struct row_thread *thread,
                       struct rows *rows)
{
    uint64_t now_ns = row_clock_ns(event->tsc);
    uint64_t left_us = event->a > now_ns ? (event->a - now_ns) / 1000 : 0;
    if (thread->vector == VECTOR_TIMER && !thread->told)
        show_handling(thread, rows);
    add_os(rows, "start timer");
    add_hardware(rows, "start timer; interrupt CPU in %llu.%03llu ms",
                 (unsigned long long)left_us / 1000, (unsigned long long)left_us % 1000);
}

static void show_process_exit(const struct trace_event *event, struct rows *rows)
{
    char words[ROW_SIZE / 2];
    add_os(rows, "%s %s; its parent is told", row_name_of_pid((uint32_t)event->a),
           verdict_words((int)event->b, words, sizeof(words)));
}

static void show_verdict(const struct trace_event *event, const struct row_thread *thread,
                         struct rows *rows)
{
    if (event->a != 0)
        add_os(rows, "verdict: %s for %s", signal_word((int)event->a), thread->name);
}

static void show_other(const struct trace_event *event, struct row_thread *thread,
                       struct rows *rows)
{
    switch (event->type) {
    case TRACE_FAULT:
        thread->address = event->b;
        break;
    case TRACE_VERDICT:
        show_verdict(event, thread, rows);
        break;
    case TRACE_WAKE:
        add_os(rows, "wake %s: it may run", row_thread_of((uint32_t)event->a)->name);
        break;
    case TRACE_EXEC:
        thread->is_fresh = true;
        break;
    case TRACE_PROCESS_EXIT:
        show_process_exit(event, rows);
        break;
    case TRACE_TIMER_ARM:
        show_timer(event, thread, rows);
        break;
    case TRACE_DIRECT:
        add_os(rows, event->a ? "call main(), in ring 0" : "it returned %llu",
               (unsigned long long)event->b);
        break;
    case TRACE_STEP:
        show_step(event, rows);
        break;
    case TRACE_SHOOTDOWN:
        add_os(rows, "forget %llu address translations (TLB)", (unsigned long long)event->b);
        break;
    }
}

bool event_is_in_kernel(const struct trace_event *event)
{
    return event->b >> 63 != 0;
}

void rows_of(const struct trace_event *event, struct rows *rows)
{
    struct row_thread *thread = row_thread_of(event->thread);
    rows->count = 0;
    switch (event->type) {
    case TRACE_ENTRY:
        show_entry(event, thread, rows);
        break;
    case TRACE_EXIT:
        show_exit(event, thread, rows);
        break;
    case TRACE_SWITCH:
        show_switch(event, thread, rows);
        break;
    case TRACE_SWITCHED:
        show_switched(event, thread, rows);
        break;
    default:
        show_other(event, thread, rows);
    }
}
