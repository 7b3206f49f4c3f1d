// The one hook through which the layers below the log reach it.
#include "cpu/report.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "lib/format.h"

#define REPORT_LIMIT 200u

static _Atomic(report_receiver) current_receiver;

void report_to(report_receiver receiver)
{
    atomic_store_explicit(&current_receiver, receiver, memory_order_release);
}

void report_line(const char *area, const char *format, ...)
{
    report_receiver receiver = atomic_load_explicit(&current_receiver, memory_order_acquire);
    char text[REPORT_LIMIT];
    va_list arguments;

    if (!receiver)
        return;
    va_start(arguments, format);
    format_text_va(text, sizeof(text), format, arguments);
    va_end(arguments);
    receiver(area, text);
}
