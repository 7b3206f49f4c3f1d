// The kernel's only text formatter: log, panic, /proc. Writes into the caller's buffer and counts
// what did not fit; an unknown directive is copied as it stands.
#include "lib/format.h"

#include "lib/string.h"

struct output {
    char *buffer;
    size_t size;
    size_t length; // of the whole text, written or not
};

enum length_modifier { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG };

struct directive {
    bool left, zero, alternate;
    bool has_precision;
    size_t width;
    size_t precision;
    enum length_modifier length;
};

static void put_character(struct output *output, char character)
{
    if (output->length + 1 < output->size)
        output->buffer[output->length] = character;
    output->length++;
}

static void put_bytes(struct output *output, const char *text, size_t length)
{
    if (output->length + 1 < output->size) {
        size_t room = output->size - 1 - output->length;
        memcpy(output->buffer + output->length, text, min_of(length, room));
    }
    output->length += length;
}

static void put_repeated(struct output *output, char character, size_t count)
{
    while (count-- > 0)
        put_character(output, character);
}

// A prefix (sign or 0x), then the body, padded to the width: zeros go between the two.
static void put_padded(struct output *output, const struct directive *directive, const char *prefix,
                       const char *body, size_t body_length)
{
    size_t prefix_length = strlen(prefix);
    size_t used = prefix_length + body_length;
    size_t padding = directive->width > used ? directive->width - used : 0;
    bool zeros = directive->zero && !directive->left;

    if (!directive->left && !zeros)
        put_repeated(output, ' ', padding);
    put_bytes(output, prefix, prefix_length);
    if (zeros)
        put_repeated(output, '0', padding);
    put_bytes(output, body, body_length);
    if (directive->left)
        put_repeated(output, ' ', padding);
}

static void put_number(struct output *output, const struct directive *directive, const char *prefix,
                       uint64_t value, unsigned base, bool capitals)
{
    const char *digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[20]; // UINT64_MAX has twenty decimal digits
    size_t position = sizeof(text);

    do {
        text[--position] = digits[value % base];
        value /= base;
    } while (value != 0);
    put_padded(output, directive, prefix, text + position, sizeof(text) - position);
}

static void put_string(struct output *output, struct directive *directive, const char *text)
{
    if (text == NULL)
        text = "(null)";
    directive->zero = false;
    put_padded(output, directive, "", text,
               directive->has_precision ? strnlen(text, directive->precision) : strlen(text));
}

// va_list travels inside a structure, since it is an array type and cannot be passed by reference
// portably otherwise.
struct argument_list {
    va_list list;
};

static int64_t next_signed(struct argument_list *arguments, enum length_modifier length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)va_arg(arguments->list, int);
    case LENGTH_SHORT:
        return (short)va_arg(arguments->list, int);
    case LENGTH_LONG:
        return va_arg(arguments->list, int64_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(arguments->list, int);
}

static uint64_t next_unsigned(struct argument_list *arguments, enum length_modifier length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)va_arg(arguments->list, unsigned);
    case LENGTH_SHORT:
        return (unsigned short)va_arg(arguments->list, unsigned);
    case LENGTH_LONG:
        return va_arg(arguments->list, uint64_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(arguments->list, unsigned);
}

static const char *parse_flags(const char *format, struct directive *directive)
{
    for (;; format++) {
        if (*format == '-')
            directive->left = true;
        else if (*format == '0')
            directive->zero = true;
        else if (*format == '#')
            directive->alternate = true;
        else
            return format;
    }
}

// A number in the format or an argument ('*'), which may be negative.
static const char *parse_count(const char *format, struct argument_list *arguments, int64_t *count)
{
    *count = 0;
    if (*format == '*') {
        *count = va_arg(arguments->list, int);
        return format + 1;
    }
    for (; *format >= '0' && *format <= '9'; format++)
        *count = min_of(*count * 10 + (*format - '0'), (int64_t)INT32_MAX);
    return format;
}

static const char *parse_length(const char *format, struct directive *directive)
{
    if (*format == 'h') {
        bool twice = format[1] == 'h';
        directive->length = twice ? LENGTH_CHAR : LENGTH_SHORT;
        return format + (twice ? 2 : 1);
    }
    if (*format == 'l') {
        directive->length = LENGTH_LONG;
        return format + (format[1] == 'l' ? 2 : 1);
    }
    if (*format == 'z') {
        directive->length = LENGTH_LONG;
        return format + 1;
    }
    return format;
}

// Everything between '%' and the conversion letter.
static const char *parse_directive(const char *format, struct argument_list *arguments,
                                   struct directive *directive)
{
    int64_t count;

    *directive = (struct directive){ .length = LENGTH_INT };
    format = parse_flags(format, directive);
    format = parse_count(format, arguments, &count);
    directive->left |= count < 0;
    directive->width = (size_t)(count < 0 ? -count : count);
    if (*format == '.') {
        format = parse_count(format + 1, arguments, &count);
        directive->has_precision = count >= 0; // a negative one counts as absent
        directive->precision = count >= 0 ? (size_t)count : 0;
    }
    return parse_length(format, directive);
}

static void put_signed(struct output *output, const struct directive *directive, int64_t value)
{
    bool negative = value < 0;
    uint64_t magnitude = negative ? 0 - (uint64_t)value : (uint64_t)value;

    put_number(output, directive, negative ? "-" : "", magnitude, 10, false);
}

static void put_hexadecimal(struct output *output, const struct directive *directive,
                            uint64_t value, bool capitals)
{
    const char *prefix = capitals ? "0X" : "0x";

    put_number(output, directive, directive->alternate && value != 0 ? prefix : "", value, 16,
               capitals);
}

// False when the letter is not one of ours.
static bool put_conversion(struct output *output, struct directive *directive, char letter,
                           struct argument_list *arguments)
{
    char character;

    switch (letter) {
    case 'd':
    case 'i':
        put_signed(output, directive, next_signed(arguments, directive->length));
        return true;
    case 'u':
        put_number(output, directive, "", next_unsigned(arguments, directive->length), 10, false);
        return true;
    case 'x':
    case 'X':
        put_hexadecimal(output, directive, next_unsigned(arguments, directive->length),
                        letter == 'X');
        return true;
    case 'p':
        put_number(output, directive, "0x", (uint64_t)va_arg(arguments->list, void *), 16, false);
        return true;
    case 's':
        put_string(output, directive, va_arg(arguments->list, const char *));
        return true;
    case 'c':
        character = (char)va_arg(arguments->list, int);
        directive->zero = false;
        put_padded(output, directive, "", &character, 1);
        return true;
    case '%':
        put_character(output, '%');
        return true;
    default:
        return false;
    }
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = format_text_va(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

size_t format_text_va(char *buffer, size_t size, const char *format, va_list arguments)
{
    struct output output = { .buffer = buffer, .size = size };
    struct argument_list remaining;

    va_copy(remaining.list, arguments);
    while (*format != '\0') {
        const char *plain_end = format;
        struct directive directive;

        while (*plain_end != '\0' && *plain_end != '%')
            plain_end++;
        put_bytes(&output, format, (size_t)(plain_end - format));
        if (*plain_end == '\0')
            break;
        format = parse_directive(plain_end + 1, &remaining, &directive);
        if (*format != '\0' && put_conversion(&output, &directive, *format, &remaining))
            format++;
        else
            put_bytes(&output, plain_end, (size_t)(format - plain_end));
    }
    va_end(remaining.list);
    if (size > 0)
        buffer[min_of(output.length, size - 1)] = '\0';
    return output.length;
}
