// The cells of the emulator and its cursor: what text and editing operations do to them. Pure;
// owned by emulator.c. Rows and columns count from 0. Panic may come in the middle of anything
// here, and then emulator_grid_recover() comes first; until then each index is checked where it is
// used.
#pragma once

#include "lib/types.h"

#define EMULATOR_COLUMN_LIMIT 480u
#define EMULATOR_ROW_LIMIT 135u

// A cell: the code point (of the BMP) in bits 0 to 15, above it the attributes.
typedef uint32_t emulator_cell;
#define CELL_CODE_POINT 0xffffu
#define CELL_FOREGROUND_SHIFT 16u // one of 16 colours in the order of ANSI, 8 is bright
#define CELL_BACKGROUND_SHIFT 20u
#define CELL_FOREGROUND (15u << CELL_FOREGROUND_SHIFT)
#define CELL_BACKGROUND (15u << CELL_BACKGROUND_SHIFT)
#define CELL_BOLD (1u << 24)
#define CELL_DIM (1u << 25)
#define CELL_ITALIC (1u << 26)
#define CELL_UNDERLINE (1u << 27)
#define CELL_BLINK (1u << 28)
#define CELL_REVERSE (1u << 29)
#define CELL_ATTRIBUTES (~CELL_CODE_POINT)
#define CELL_DEFAULT_COLOURS (7u << CELL_FOREGROUND_SHIFT) // light grey on black

struct emulator_grid {
    uint32_t columns, rows;
    uint32_t work;        // counts cells touched, for who divides the work into pieces
    uint32_t row, column; // the cursor
    bool wrap_pending;    // the last column was written: the next character starts a row
    bool autowrap, insert;
    uint32_t top, bottom;       // the scrolling region, both inside
    emulator_cell pen;          // attributes of what is written
    bool alternate;             // which of the two screens
    uint32_t first_damaged_row; // `rows` when none is
    // By row: the first column that may have changed; `columns` when none has.
    uint16_t first_damaged[EMULATOR_ROW_LIMIT];
    // Where each row of the two screens lies in `cells`: scrolling only turns these.
    uint16_t place[2][EMULATOR_ROW_LIMIT];
    emulator_cell cells[2][EMULATOR_ROW_LIMIT][EMULATOR_COLUMN_LIMIT];
};

// Blank, of that many cells, within the limits.
void emulator_grid_init(struct emulator_grid *grid, uint32_t columns, uint32_t rows);
// After a panic broke in: the cells as far as they make sense, everything else as after init; the
// cursor at the start of the row after the last that the main screen's cursor was in (`row`).
void emulator_grid_recover(struct emulator_grid *grid, uint32_t row);

// The cells of a row that is on the screen.
emulator_cell *emulator_grid_row(struct emulator_grid *grid, uint32_t row);
void emulator_grid_damage(struct emulator_grid *grid, uint32_t row, uint32_t column);
// All cells of the screen, margins and colours included.
void emulator_grid_fill(struct emulator_grid *grid, emulator_cell cell);
void emulator_grid_damage_all(struct emulator_grid *grid);

// Writes a character with the pen at the cursor; wraps and scrolls as needed.
void emulator_grid_put(struct emulator_grid *grid, uint32_t code_point);
// The same for many printable ASCII characters; returns how many it took, stopping at others.
size_t emulator_grid_put_ascii(struct emulator_grid *grid, const char *text, size_t length);

// Moves the cursor, kept on the screen.
void emulator_grid_move(struct emulator_grid *grid, uint32_t row, uint32_t column);
// Up or down, not across the region's margin when it comes from inside.
void emulator_grid_move_rows(struct emulator_grid *grid, int64_t distance);
// One row down, scrolling at the region's end (index); one up, scrolling at its start.
void emulator_grid_line_feed(struct emulator_grid *grid);
void emulator_grid_reverse_line_feed(struct emulator_grid *grid);

// Rows of [first, last] move, what comes in is blank.
void emulator_grid_scroll_up(struct emulator_grid *grid, uint32_t first, uint32_t last,
                             uint32_t count);
void emulator_grid_scroll_down(struct emulator_grid *grid, uint32_t first, uint32_t last,
                               uint32_t count);
// Blanks columns [start, end) of a row, with the pen's background.
void emulator_grid_erase(struct emulator_grid *grid, uint32_t row, uint32_t start, uint32_t end);
// Whole rows [first, last].
void emulator_grid_erase_rows(struct emulator_grid *grid, uint32_t first, uint32_t last);
// Blank cells at the cursor, moving the rest of its row right; or takes cells out of it.
void emulator_grid_insert_cells(struct emulator_grid *grid, uint32_t count);
void emulator_grid_delete_cells(struct emulator_grid *grid, uint32_t count);
