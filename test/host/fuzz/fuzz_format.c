// Any text as a format, any buffer size: nothing is written beyond the size, the result is
// terminated, and the length does not depend on the size. Arguments are such that every conversion
// may take any of them: pointers to a text.
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARGUMENTS 16
#define TEXT "some text"
#define FOUR_TEXTS TEXT, TEXT, TEXT, TEXT

// A width or precision taken from an argument (half a pointer) would make gigabytes of padding, and
// more conversions than arguments read what is not there.
static int is_tame(const char *format)
{
    int directives = 0, digits = 0;

    for (; *format != '\0'; format++) {
        directives += *format == '%';
        digits = *format >= '0' && *format <= '9' ? digits + 1 : 0;
        if (*format == '*' || digits > 4)
            return 0;
    }
    return directives <= ARGUMENTS;
}

#pragma clang diagnostic ignored "-Wformat-security"
#pragma clang diagnostic ignored "-Wformat-nonliteral"
static size_t format_into(char *buffer, size_t size, const char *format)
{
    return format_text(buffer, size, format, FOUR_TEXTS, FOUR_TEXTS, FOUR_TEXTS, FOUR_TEXTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t buffer_size = size == 0 ? 1 : data[0] + 1u;
    char *format = malloc(size + 1), *buffer = malloc(buffer_size);

    memcpy(format, data, size);
    format[size] = '\0';
    if (is_tame(format)) {
        size_t length = format_into(buffer, buffer_size, format);
        if (strlen(buffer) != (length < buffer_size ? length : buffer_size - 1) &&
            memchr(buffer, '\0', buffer_size) == NULL)
            abort();
        if (format_into(NULL, 0, format) != length)
            abort();
    }
    free(format);
    free(buffer);
    return 0;
}
