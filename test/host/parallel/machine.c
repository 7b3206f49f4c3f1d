// What is below the code under test, for CPUs that are threads: panic, which a case expects only
// while a single thread runs, the log, and what test/host/machine.c can build but nobody here
// needs.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/percpu.h"
#include "debug/log.h"
#include "lib/panic.h"
#include "mem/kernel_map.h"
#include "test.h"

void *panic_jump[5];
static bool panic_is_expected;
static char panic_message[512];

void panic_expect(void)
{
    panic_is_expected = true;
    panic_message[0] = '\0';
}

void panic_check(const char *file, int line, const char *part)
{
    panic_is_expected = false;
    this_cpu()->held_lock_count = 0;
    if (strstr(panic_message, part) == NULL)
        test_fail(file, line, "panic says \"%s\", not \"%s\"", panic_message, part);
}

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(panic_message, sizeof(panic_message), format, arguments);
    va_end(arguments);
    if (panic_is_expected)
        __builtin_longjmp(panic_jump, 1);
    fprintf(stderr, "  panic: %s\n", panic_message);
    abort();
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
}

void kernel_map_init(const struct boot_info *boot)
{
}
