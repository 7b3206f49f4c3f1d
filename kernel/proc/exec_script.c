// Parser for the first line of a script. Called by exec.c with the first bytes of a file, which may
// be anything; nothing outside the given bytes is read.
#include "proc/exec_script.h"

#include "abi/errno.h"
#include "lib/string.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

bool script_begins(const char *text, size_t length)
{
    return length >= 2 && text[0] == '#' && text[1] == '!';
}

// The length of the line without its newline and blanks at its end. False: its last word may go on
// beyond what was read.
static bool measure_line(const char *text, size_t length, size_t *line_length)
{
    size_t end = 0;
    while (end < length && text[end] != '\n' && text[end] != '\0')
        end++;
    bool complete = end < length || length < SCRIPT_LINE_LIMIT;
    for (; end > 0 && is_blank(text[end - 1]); end--)
        complete = true;
    *line_length = end;
    return complete;
}

int script_parse(char *text, size_t length, struct script_line *line)
{
    size_t end;
    bool complete = measure_line(text, length, &end);
    text[end] = '\0';

    char *next = text + 2;
    while (is_blank(*next))
        next++;
    line->interpreter = next;
    while (*next && !is_blank(*next))
        next++;
    if (next == line->interpreter)
        return -ENOEXEC;
    if (!*next) {
        line->argument = NULL;
        return complete ? 0 : -ENOEXEC; // half a name would start something else
    }
    *next++ = '\0';
    while (is_blank(*next))
        next++;
    line->argument = *next ? next : NULL;
    return 0;
}
