// Echo and the editing of the line that is being typed: erase a character, a word, the line; show
// it again; take the next key literally. Called by line_discipline.c.
// Invariant: only [line, head) of the buffer changes here.
#include "pseudo/line_internal.h"

#define ERASE_CELL "\b \b"
#define TAB_WIDTH 8u

void line_echo(struct line_discipline *discipline, uint8_t value)
{
    bool begins_line = discipline->head == discipline->line;
    if (begins_line)
        discipline->line_column = discipline->column;
    if (line_local_has(discipline, ECHOCTL) && byte_is_control(value) && value != '\t') {
        char shown[2] = { '^', (char)(value ^ 0x40) };
        line_show(discipline, shown, sizeof(shown));
        return;
    }
    line_show(discipline, (const char *)&value, 1);
}

static bool line_is_empty(const struct line_discipline *discipline)
{
    return discipline->head == discipline->line;
}

// The start of the last character of the line; the line is not empty. `head` when its first byte
// is missing: then nothing can be erased.
static uint64_t last_character(struct line_discipline *discipline)
{
    uint64_t at = discipline->head;
    do
        at--;
    while (at != discipline->line &&
           line_byte_continues(discipline, line_byte_at(discipline, at)->value));
    return line_byte_continues(discipline, line_byte_at(discipline, at)->value) ? discipline->head
                                                                                : at;
}

static uint32_t cell_count(const struct line_discipline *discipline, uint8_t value)
{
    if (byte_is_control(value))
        return line_local_has(discipline, ECHOCTL) ? 2 : 0;
    return line_byte_continues(discipline, value) ? 0 : 1;
}

// How far the tab that was just taken from the end of the line had moved the cursor.
static uint32_t tab_width(struct line_discipline *discipline)
{
    uint32_t column = 0;
    uint64_t at = discipline->head;
    while (at != discipline->line) {
        uint8_t value = line_byte_at(discipline, --at)->value;
        if (value == '\t')
            return TAB_WIDTH - column % TAB_WIDTH;
        column += cell_count(discipline, value);
    }
    return TAB_WIDTH - (column + discipline->line_column) % TAB_WIDTH;
}

static void show_erased(struct line_discipline *discipline, uint8_t value)
{
    if (value == '\t') {
        for (uint32_t left = tab_width(discipline); left > 0; left--)
            line_show(discipline, "\b", 1);
        return;
    }
    for (uint32_t left = cell_count(discipline, value); left > 0; left--)
        line_show(discipline, ERASE_CELL, sizeof(ERASE_CELL) - 1);
}

// Takes the last character away. False when there is none.
static bool erase_character(struct line_discipline *discipline, bool shows)
{
    if (line_is_empty(discipline))
        return false;
    uint64_t start = last_character(discipline);
    if (start == discipline->head)
        return false;
    discipline->head = start;
    if (shows)
        show_erased(discipline, line_byte_at(discipline, start)->value);
    return true;
}

static void edit_erase(struct line_discipline *discipline, uint8_t key)
{
    bool shows = line_local_has(discipline, ECHO);
    bool rubs_out = line_local_has(discipline, ECHOE);
    if (erase_character(discipline, shows && rubs_out) && shows && !rubs_out)
        line_echo(discipline, key);
}

// Letters of other alphabets count as letters.
static bool byte_is_in_word(uint8_t value)
{
    uint8_t lower = value | 0x20;
    return value >= 0x80 || value == '_' || (value >= '0' && value <= '9') ||
           (lower >= 'a' && lower <= 'z');
}

static void edit_erase_word(struct line_discipline *discipline)
{
    bool in_word = false;
    while (!line_is_empty(discipline)) {
        uint64_t start = last_character(discipline);
        bool belongs = byte_is_in_word(line_byte_at(discipline, start)->value);
        if (start == discipline->head || (in_word && !belongs))
            return;
        in_word |= belongs;
        (void)erase_character(discipline, line_local_has(discipline, ECHO));
    }
}

static void edit_kill(struct line_discipline *discipline, uint8_t key)
{
    uint32_t rub_out = ECHOE | ECHOK | ECHOKE;
    bool shows = line_local_has(discipline, ECHO);
    bool rubs_out = shows && (discipline->settings.local_flags & rub_out) == rub_out;
    if (line_is_empty(discipline))
        return;
    if (rubs_out) {
        while (erase_character(discipline, true))
            continue;
        return;
    }
    discipline->head = discipline->line;
    if (shows)
        line_echo(discipline, key);
    if (shows && line_local_has(discipline, ECHOK))
        line_show(discipline, "\n", 1);
}

static void edit_reprint(struct line_discipline *discipline, uint8_t key)
{
    line_echo(discipline, key);
    line_show(discipline, "\n", 1);
    uint64_t head = discipline->head;
    discipline->line_column = discipline->column;
    for (uint64_t at = discipline->line; at != head; at++)
        line_echo(discipline, line_byte_at(discipline, at)->value);
}

bool line_edit(struct line_discipline *discipline, uint8_t value)
{
    if (line_key_is(discipline, VERASE, value)) {
        edit_erase(discipline, value);
    } else if (line_extended_key_is(discipline, VWERASE, value)) {
        edit_erase_word(discipline);
    } else if (line_key_is(discipline, VKILL, value)) {
        edit_kill(discipline, value);
    } else if (line_extended_key_is(discipline, VLNEXT, value)) {
        discipline->next_is_literal = true;
        if (line_local_has(discipline, ECHO) && line_local_has(discipline, ECHOCTL))
            line_show(discipline, "^\b", 2);
    } else if (line_extended_key_is(discipline, VREPRINT, value) &&
               line_local_has(discipline, ECHO)) {
        edit_reprint(discipline, value);
    } else {
        return false;
    }
    return true;
}
