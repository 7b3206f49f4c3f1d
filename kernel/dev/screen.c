// The screen: a emulator, the canvas that shows its cells, and the cursor. Owned by the log, whose
// lock serialises; panic may break in anywhere. Invariant: cells of a row left of the terminal's
// first_damaged are shown as wanted.
#include "dev/screen.h"

#include "cpu/registers.h"
#include "dev/canvas.h"
#include "dev/emulator.h"

#define PIECE_COST 4096u // of one screen_draw(), in words stored or cells compared

struct cursor_place {
    uint32_t row, column;
    bool is_shown;
};

static bool is_open;
static struct emulator emulator;
static struct cursor_place cursor; // as drawn, or about to be

bool screen_init(const struct boot_framebuffer *framebuffer, volatile void *pixels)
{
    uint32_t columns, rows;

    is_open = pixels && canvas_init(framebuffer, pixels, &columns, &rows);
    if (is_open)
        emulator_init(&emulator, columns, rows);
    cursor = (struct cursor_place){ .is_shown = false };
    return is_open;
}

void screen_write(const char *text, size_t length)
{
    if (is_open)
        emulator_write(&emulator, text, length);
}

void screen_reset_for_panic(void)
{
    if (!is_open)
        return;
    emulator_reset_for_panic(&emulator);
    canvas_forget();
    cursor = (struct cursor_place){ .is_shown = false };
}

static bool draw_rows(void)
{
    struct terminal_grid *grid = &emulator.grid;
    uint32_t cost = PIECE_COST;

    for (uint32_t row = grid->first_damaged_row; row < grid->rows; row++) {
        uint32_t column = grid->first_damaged[row];
        grid->first_damaged_row = row;
        if (column < grid->columns && cost > 0)
            cost = canvas_draw_row(row, terminal_grid_row(grid, row), &column, cost);
        grid->first_damaged[row] = (uint16_t)column;
        if (column < grid->columns)
            return true;
    }
    grid->first_damaged_row = grid->rows;
    return false;
}

static void flip_cursor(void)
{
    if (cursor.is_shown)
        terminal_grid_row(&emulator.grid, cursor.row)[cursor.column] ^= CELL_REVERSE;
}

// Where the cursor was and where it is are both drawn again.
static void move_cursor(void)
{
    const struct terminal_grid *grid = &emulator.grid;
    struct cursor_place place = { .row = min_of(grid->row, grid->rows - 1),
                                  .column = min_of(grid->column, grid->columns - 1),
                                  .is_shown = !emulator.cursor_is_hidden };

    if (place.row == cursor.row && place.column == cursor.column &&
        place.is_shown == cursor.is_shown)
        return;
    terminal_grid_damage(&emulator.grid, cursor.row, cursor.column);
    terminal_grid_damage(&emulator.grid, place.row, place.column);
    cursor = place;
}

bool screen_draw(void)
{
    if (!is_open)
        return false;
    move_cursor();
    flip_cursor();
    bool more = draw_rows();
    flip_cursor();
    if (!more)
        __asm__ volatile("sfence" ::: "memory"); // out of the write-combining buffers
    return more;
}

void screen_size(uint16_t *columns, uint16_t *rows)
{
    *columns = is_open ? (uint16_t)emulator.grid.columns : 0;
    *rows = is_open ? (uint16_t)emulator.grid.rows : 0;
}

size_t screen_take_replies(char *buffer, size_t size)
{
    return is_open ? emulator_take_replies(&emulator, buffer, size) : 0;
}

bool screen_cursor_keys_are_application(void)
{
    return is_open && emulator.cursor_keys_are_application;
}
