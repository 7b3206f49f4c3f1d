// Events in words, for the panic report. Takes no lock and allocates nothing.
#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "debug/log.h"
#include "debug/symbols.h"
#include "debug/trace.h"
#include "lib/format.h"

#define TEXT_SIZE 96u

static const char *type_name(uint16_t type)
{
#define TRACE_NAME_OF(number, name, a_meaning, b_meaning) [number] = #name,
    static const char *const names[] = { TRACE_EVENTS(TRACE_NAME_OF) };
#undef TRACE_NAME_OF

    return type < ARRAY_SIZE(names) && names[type] ? names[type] : "?";
}

static const char *step_words(uint64_t step)
{
#define STEP_WORDS_OF(number, name, column, words, value) [number] = words,
    static const char *const all[] = { TRACE_STEPS(STEP_WORDS_OF) };
#undef STEP_WORDS_OF

    return step < ARRAY_SIZE(all) && all[step] ? all[step] : "?";
}

static const char *call_name(uint64_t number)
{
#define SYSCALL(call_number, name, ...) [call_number] = #name,
    static const char *const names[] = {
#include "syscalls.def"
    };
#undef SYSCALL

    return number < ARRAY_SIZE(names) && names[number] ? names[number] : "no such call";
}

static const char *reason_words(uint64_t reason)
{
    static const char *const words[] = SWITCH_REASON_WORDS;

    return reason < ARRAY_SIZE(words) ? words[reason] : "?";
}

static const char *exit_words(uint64_t path)
{
    static const char *const words[] = {
        [EXIT_IRETQ] = "IRETQ to",
        [EXIT_SYSRET] = "SYSRET to",
        [EXIT_TO_KERNEL] = "IRETQ, inside the kernel, to",
    };

    return path < ARRAY_SIZE(words) ? words[path] : "?";
}

static size_t describe_entry(char *text, const struct trace_event *event, const char *place)
{
    uint32_t vector = (uint32_t)event->a;
    uint32_t number = (uint32_t)(event->a >> 32);

    if (vector == VECTOR_SYSCALL)
        return format_text(text, TEXT_SIZE, "system call %u, %s, from %s", number,
                           call_name(number), place);
    return format_text(text, TEXT_SIZE, "vector %u at %s", vector, place);
}

static size_t describe_event(char *text, const struct trace_event *event)
{
    char place[TEXT_SIZE / 2];
    unsigned long long a = event->a, b = event->b;
    uint32_t low = (uint32_t)event->a, high = (uint32_t)(event->a >> 32);

    symbols_format(place, sizeof(place), event->b);
    switch (event->type) {
    case TRACE_ENTRY:
        return describe_entry(text, event, place);
    case TRACE_EXIT:
        return format_text(text, TEXT_SIZE, "%s %s", exit_words(event->a), place);
    case TRACE_SWITCH:
        return format_text(text, TEXT_SIZE, "to thread %u, %s; %llu wait, %u frames in use", low,
                           reason_words(event->b & 0xff), b >> 8, high);
    case TRACE_SWITCHED:
        return format_text(text, TEXT_SIZE, "on its kernel stack, below %#llx", b);
    case TRACE_WAKE:
        return format_text(text, TEXT_SIZE, "thread %llu, by thread %llu", a, b);
    case TRACE_FAULT:
        return format_text(text, TEXT_SIZE, "vector %llu, address %s", a, place);
    case TRACE_VERDICT:
        return format_text(text, TEXT_SIZE, "signal %llu (0: resolved), rip %s", a, place);
    case TRACE_NAME:
        return format_text(text, TEXT_SIZE, "thread %u of process %u is \"%.*s\"", low, high,
                           (int)sizeof(event->b), (const char *)&event->b);
    case TRACE_STEP:
        return format_text(text, TEXT_SIZE, "%s (%#llx)", step_words(event->a), b);
    default:
        return format_text(text, TEXT_SIZE, "%#llx %#llx", a, b);
    }
}

static void print_event(const struct trace_event *event)
{
    char text[TEXT_SIZE];
    uint64_t us = clock_ns_from_tsc(event->tsc) / 1000;

    (void)describe_event(text, event);
    log_emergency_line("panic", "  %llu.%06llu thread %u %s: %s",
                       (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
                       event->thread, type_name(event->type), text);
}

void trace_print_last(size_t count)
{
    uint32_t cpu = this_cpu()->number;
    uint64_t lost;
    uint64_t held = trace_count(cpu, &lost);

    if (held == 0)
        log_emergency_line("panic", "  none: tracing is off (trace=on)");
    uint64_t end = lost + held;
    for (uint64_t number = end - min_of(held, (uint64_t)count); number < end; number++) {
        struct trace_event event;
        if (trace_copy(cpu, number, &event, 1) == 1)
            print_event(&event);
    }
}
