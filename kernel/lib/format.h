// printf-style formatting into a buffer. Knows %d %i %u %x %X %c %s %p %% with flags '-', '0', '#',
// width (also '*'), precision for %s (also '*'), and lengths hh h l ll z. No locks, any context.
#pragma once

#include <stdarg.h>

#include "lib/types.h"

// Write at most size - 1 characters and a terminator; return the length that the whole text has.
size_t format_text(char *buffer, size_t size, const char *format, ...) printf_like(3, 4);
size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments);
