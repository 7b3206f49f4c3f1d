// The kernel's command line from cmdline.txt and the load options. Called by main.c and graphics.c;
// keeps the line NUL-terminated and free of control characters.
#include "command_line.h"

#include "memory.h"

static size_t line_length(const char *line)
{
    size_t length = 0;
    while (line[length])
        length++;
    return length;
}

static bool byte_is_blank(char byte)
{
    return (uint8_t)byte <= ' ' || byte == 0x7f;
}

// Where `length` more characters go, after a separating space; NULL when they do not fit.
static char *make_room(char *line, size_t size, size_t length)
{
    size_t used = line_length(line);
    size_t gap = used ? 1 : 0;
    if (used + gap >= size || length >= size - used - gap)
        return NULL;
    if (gap)
        line[used] = ' ';
    line[used + gap + length] = 0;
    return line + used + gap;
}

bool command_line_append_text(char *line, size_t size, const char *text, size_t length)
{
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (length && byte_is_blank(text[0])) {
        text++;
        length--;
    }
    while (length && byte_is_blank(text[length - 1]))
        length--;
    if (length == 0)
        return true;

    char *room = make_room(line, size, length);
    if (!room)
        return false;
    for (size_t i = 0; i < length; i++)
        room[i] = byte_is_blank(text[i]) ? ' ' : text[i];
    return true;
}

static uint16_t unit_at(const void *options, size_t index)
{
    const uint8_t *bytes = options;
    return (uint16_t)(bytes[2 * index] | bytes[2 * index + 1] << 8);
}

// Characters before the end or a NUL; 0 when any of them is not printable ASCII.
static size_t count_printable(const void *options, size_t byte_count)
{
    if (byte_count % 2)
        return 0;
    for (size_t i = 0; i < byte_count / 2; i++) {
        uint16_t unit = unit_at(options, i);
        if (unit == 0)
            return i;
        if (unit < ' ' || unit > '~')
            return 0;
    }
    return byte_count / 2;
}

// How many characters to skip: the first word, if it ends in ".efi".
static size_t count_program_name(const void *options, size_t count)
{
    size_t end = 0;
    while (end < count && unit_at(options, end) != ' ')
        end++;
    if (end < 4)
        return 0;
    for (size_t i = 0; i < 4; i++) {
        if ((unit_at(options, end - 4 + i) | 0x20) != (".efi"[i] | 0x20))
            return 0;
    }
    return end;
}

bool command_line_append_options(char *line, size_t size, const void *options, size_t byte_count)
{
    size_t count = count_printable(options, byte_count);
    size_t first = count_program_name(options, count);
    while (first < count && unit_at(options, first) == ' ')
        first++;
    while (count > first && unit_at(options, count - 1) == ' ')
        count--;
    if (first == count)
        return true;

    char *room = make_room(line, size, count - first);
    if (!room)
        return false;
    while (first < count)
        *room++ = (char)unit_at(options, first++);
    return true;
}

// Decimal, up to six digits; moves *text behind it. False when there is none.
static bool read_number(const char **text, const char *end, uint32_t *number)
{
    const char *start = *text;
    *number = 0;
    while (*text < end && **text >= '0' && **text <= '9' && *text - start < 6)
        *number = *number * 10 + (uint32_t)(*(*text)++ - '0');
    return *text > start;
}

static enum video_word read_size(const char *text, const char *end, uint32_t *width,
                                 uint32_t *height)
{
    if (!read_number(&text, end, width) || text == end || *text++ != 'x')
        return VIDEO_MALFORMED;
    return read_number(&text, end, height) && text == end ? VIDEO_SIZE : VIDEO_MALFORMED;
}

// The next word of the kernel's part from *line on, which moves behind it; NULL at the end.
static const char *next_word(const char **line, const char **end)
{
    const char *word = *line;
    while (*word == ' ')
        word++;
    for (*end = word; **end && **end != ' ';)
        ++*end;
    *line = *end;
    if (*end == word || (*end - word == 2 && memcmp(word, "--", 2) == 0))
        return NULL;
    return word;
}

static bool word_begins(const char *word, const char *end, const char *text)
{
    size_t length = line_length(text);
    return (size_t)(end - word) >= length && memcmp(word, text, length) == 0;
}

enum video_word command_line_find_video(const char *line, uint32_t *width, uint32_t *height)
{
    static const char name[] = "video=";
    enum video_word found = VIDEO_ABSENT;
    for (const char *word, *end; (word = next_word(&line, &end)) != NULL;) {
        if (word_begins(word, end, name))
            found = read_size(word + sizeof(name) - 1, end, width, height);
    }
    return found;
}

bool command_line_has_word(const char *line, const char *name)
{
    size_t length = line_length(name);
    bool has_value = length > 0 && name[length - 1] == '=';
    for (const char *word, *end; (word = next_word(&line, &end)) != NULL;) {
        if (word_begins(word, end, name) && (has_value || (size_t)(end - word) == length))
            return true;
    }
    return false;
}
