// Output processing: line ends, tabs, and the column of the cursor. Called for what programs write
// and for echo.
#include "pseudo/line_discipline.h"
#include "pseudo/line_internal.h"

#define LONGEST_RESULT TAB_WIDTH // of one byte

static const char blanks[TAB_WIDTH] = { ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ' };

static size_t copy_bytes(char *target, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        target[i] = bytes[i];
    return count;
}

static size_t process_newline(struct line_discipline *discipline, char *target)
{
    if (line_output_has(discipline, ONLRET) || line_output_has(discipline, ONLCR))
        discipline->column = 0;
    return line_output_has(discipline, ONLCR) ? copy_bytes(target, "\r\n", 2)
                                              : copy_bytes(target, "\n", 1);
}

static size_t process_return(struct line_discipline *discipline, char *target)
{
    bool becomes_newline = line_output_has(discipline, OCRNL);
    if (line_output_has(discipline, ONOCR) && discipline->column == 0)
        return 0;
    if (!becomes_newline || line_output_has(discipline, ONLRET))
        discipline->column = 0;
    return copy_bytes(target, becomes_newline ? "\n" : "\r", 1);
}

static size_t process_tab(struct line_discipline *discipline, char *target)
{
    uint32_t width = TAB_WIDTH - discipline->column % TAB_WIDTH;
    discipline->column += width;
    if ((discipline->settings.output_flags & TABDLY) == XTABS)
        return copy_bytes(target, blanks, width);
    return copy_bytes(target, "\t", 1);
}

static size_t process_byte(struct line_discipline *discipline, char byte, char *target)
{
    switch (byte) {
    case '\n':
        return process_newline(discipline, target);
    case '\r':
        return process_return(discipline, target);
    case '\t':
        return process_tab(discipline, target);
    case '\b':
        if (discipline->column > 0)
            discipline->column--;
        break;
    default:
        if (line_output_has(discipline, OLCUC))
            byte = (char)byte_in_other_case((uint8_t)byte, 'a');
        if (!byte_is_control((uint8_t)byte) && !line_byte_continues(discipline, (uint8_t)byte))
            discipline->column++;
        break;
    }
    return copy_bytes(target, &byte, 1);
}

size_t line_discipline_output(struct line_discipline *discipline, const char *source, size_t length,
                              char *target, size_t size, size_t *produced)
{
    size_t consumed = 0;
    *produced = 0;
    if (!line_output_has(discipline, OPOST)) {
        *produced = copy_bytes(target, source, min_of(length, size));
        return *produced;
    }
    while (consumed < length && size - *produced >= LONGEST_RESULT)
        *produced += process_byte(discipline, source[consumed++], target + *produced);
    return consumed;
}

void line_show(struct line_discipline *discipline, const char *bytes, size_t count)
{
    char shown[LONGEST_RESULT];
    for (size_t i = 0; i < count; i++) {
        size_t length = process_byte(discipline, bytes[i], shown); // keeps the column in any case
        if (!line_output_has(discipline, OPOST))
            length = copy_bytes(shown, bytes + i, 1);
        discipline->show(discipline, shown, length);
    }
}
