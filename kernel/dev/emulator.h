// Emulates a terminal like xterm and the console of Linux: takes bytes, keeps the screen they make.
// Pure, used by screen.c; the log lock serialises. What it understands is listed in README.md.
#pragma once

#include "dev/emulator_grid.h"
#include "dev/escape_parser.h"

#define EMULATOR_REPLY_LIMIT 64u

// What ESC 7 saves.
struct emulator_cursor {
    uint32_t row, column;
    bool wrap_pending, origin;
    emulator_cell pen;
    uint32_t shift;
    bool line_drawing[2];
};

struct emulator {
    struct emulator_grid grid;
    struct escape_parser parser;
    bool newline; // LNM: a line feed starts a line
    bool origin;  // DECOM: rows count from the region's top
    bool cursor_is_hidden;
    bool cursor_keys_are_application; // DECCKM
    uint32_t shift;                   // 0 or 1: is G0 or G1 in use?
    bool line_drawing[2];             // G0 and G1: DEC's special graphics, else ASCII
    uint32_t last_character;          // for REP; 0: none
    uint32_t main_row;                // where the main screen's cursor is while the other shows
    struct emulator_cursor saved[2];  // by screen
    uint64_t tab_stops[(EMULATOR_COLUMN_LIMIT + 63) / 64];
    uint32_t reply_length;
    char replies[EMULATOR_REPLY_LIMIT];
};

// Blank.
void emulator_init(struct emulator *emulator, uint32_t columns, uint32_t rows);
// Takes bytes until about `work` cells were touched, at least one; returns how many. What one byte
// can cost is bounded by the blanking of both screens.
size_t emulator_write(struct emulator *emulator, const char *text, size_t length, uint32_t work);
// Before a panic writes, while bytes are left that came earlier: they can be written now.
void emulator_recover(struct emulator *emulator);
// What the emulator answered: moves up to `size` bytes out.
size_t emulator_take_replies(struct emulator *emulator, char *buffer, size_t size);
// A panic wants to write: whatever was going on, even halfway through any function here, the next
// text appears below the main screen's text, in default colours, scrolling the whole screen.
void emulator_reset_for_panic(struct emulator *emulator);
