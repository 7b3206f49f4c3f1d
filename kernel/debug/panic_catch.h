// Debug builds, for selftests only: a panic that is provoked on purpose comes back to who provoked
// it.
#pragma once

#include <stdarg.h>

#include "lib/types.h"

// Runs `act(argument)` on this CPU; true: it panicked, with this message. What it held or changed
// is as the panic left it, but for interrupts and this CPU's account of spinlocks, which are put
// back in either case. One at a time.
must_check bool panic_provoke(void (*act)(void), char *message, size_t size);
// By panic, first of all: does not return when this CPU's panic is provoked.
void panic_catch(const char *format, va_list arguments);
