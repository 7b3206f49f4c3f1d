// Echo and the editing of the line that is being typed: erase a character, a word, the line; show
// it again; take the next key literally. Called by line_discipline.c.
// Invariants: only [line, head) of the buffer changes here; one key costs no more for a long line
// than for a short one, since interrupts are off meanwhile (redraw_left, CHARACTER_LIMIT).
#include "pseudo/line_internal.h"

#define ERASE_CELL "\b \b"
#define CHARACTER_LIMIT 4u // bytes of one, in UTF-8

void line_echo(struct line_discipline *discipline, uint8_t value)
{
    if (line_local_has(discipline, ECHOCTL) && byte_is_control(value) && value != '\t') {
        char shown[2] = { '^', (char)(value ^ 0x40) };
        line_show(discipline, shown, sizeof(shown));
        return;
    }
    line_show(discipline, (const char *)&value, 1);
}

void line_echo_stored(struct line_discipline *discipline, uint64_t position)
{
    struct line_byte *byte = line_byte_at(discipline, position);
    if (byte->value == '\t')
        byte->width = (uint8_t)(TAB_WIDTH - discipline->column % TAB_WIDTH);
    line_echo(discipline, byte->value);
}

static bool line_is_empty(const struct line_discipline *discipline)
{
    return discipline->head == discipline->line;
}

// The start of the last character of the line; the line is not empty. `head` when its first byte
// is missing: then nothing can be erased. More bytes than a character has are one each.
static uint64_t last_character(struct line_discipline *discipline)
{
    uint64_t at = discipline->head;
    for (uint32_t length = 1; length <= CHARACTER_LIMIT; length++) {
        at--;
        if (!line_byte_continues(discipline, line_byte_at(discipline, at)->value))
            return at;
        if (at == discipline->line)
            return discipline->head;
    }
    return discipline->head - 1;
}

static uint32_t cell_count(const struct line_discipline *discipline, uint8_t value)
{
    if (byte_is_control(value))
        return line_local_has(discipline, ECHOCTL) ? 2 : 0;
    return line_byte_continues(discipline, value) ? 0 : 1;
}

static void show_erased(struct line_discipline *discipline, const struct line_byte *byte)
{
    if (byte->value == '\t') {
        line_show(discipline, "\b\b\b\b\b\b\b\b", min_of(byte->width, (uint8_t)TAB_WIDTH));
        return;
    }
    for (uint32_t left = cell_count(discipline, byte->value); left > 0; left--)
        line_show(discipline, ERASE_CELL, sizeof(ERASE_CELL) - 1);
}

// What a byte takes of redraw_left: columns, and something also for what has none.
static uint32_t redraw_cost(const struct line_discipline *discipline, uint8_t value)
{
    return value == '\t' ? TAB_WIDTH : max_of(cell_count(discipline, value), 1u);
}

// The start of the longest end of the line that may still be redrawn; *cost is what that takes.
static uint64_t redraw_start(struct line_discipline *discipline, uint32_t *cost)
{
    uint64_t at = discipline->head;
    *cost = 0;
    while (at != discipline->line) {
        uint32_t next = redraw_cost(discipline, line_byte_at(discipline, at - 1)->value);
        if (*cost + next > discipline->redraw_left)
            break;
        *cost += next;
        at--;
    }
    return at;
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
        show_erased(discipline, line_byte_at(discipline, start));
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

// Of a very long word only the end, as far as redraw_left allows.
static void edit_erase_word(struct line_discipline *discipline)
{
    bool in_word = false;
    while (!line_is_empty(discipline)) {
        uint64_t start = last_character(discipline);
        uint8_t value = line_byte_at(discipline, start)->value;
        bool belongs = byte_is_in_word(value);
        uint32_t cost = redraw_cost(discipline, value);
        if (start == discipline->head || (in_word && !belongs) || cost > discipline->redraw_left)
            return;
        in_word |= belongs;
        discipline->redraw_left -= cost;
        (void)erase_character(discipline, line_local_has(discipline, ECHO));
    }
}

// A line too long to be rubbed out is killed as without ECHOKE.
static void edit_kill(struct line_discipline *discipline, uint8_t key)
{
    uint32_t cost;
    uint32_t rub_out = ECHOE | ECHOK | ECHOKE;
    bool shows = line_local_has(discipline, ECHO);
    bool rubs_out = shows && (discipline->settings.local_flags & rub_out) == rub_out;
    if (line_is_empty(discipline))
        return;
    if (rubs_out && redraw_start(discipline, &cost) == discipline->line) {
        discipline->redraw_left -= cost;
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

// Once for a row of keys, and only the end of a very long line.
static void edit_reprint(struct line_discipline *discipline, uint8_t key)
{
    uint32_t cost;
    if (discipline->redraw_left == 0)
        return;
    uint64_t at = redraw_start(discipline, &cost);
    discipline->redraw_left = 0;
    line_echo(discipline, key);
    line_show(discipline, "\n", 1);
    while (at != discipline->line && at != discipline->head &&
           line_byte_continues(discipline, line_byte_at(discipline, at)->value))
        at++; // not from the middle of a character
    for (; at != discipline->head; at++)
        line_echo_stored(discipline, at);
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
