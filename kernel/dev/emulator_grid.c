// Cells, cursor and scrolling region. A row's cells never move: scrolling turns the table of their
// places, so a line feed costs the blanking of one row. Called by emulator.c only, which
// serialises.
#include "dev/emulator_grid.h"

#include "lib/string.h"

static uint32_t column_count(const struct emulator_grid *grid)
{
    return max_of(1u, min_of(grid->columns, EMULATOR_COLUMN_LIMIT));
}

static uint32_t row_count(const struct emulator_grid *grid)
{
    return max_of(1u, min_of(grid->rows, EMULATOR_ROW_LIMIT));
}

static uint16_t *places_of(struct emulator_grid *grid)
{
    return grid->place[grid->alternate ? 1 : 0];
}

emulator_cell *emulator_grid_row(struct emulator_grid *grid, uint32_t row)
{
    uint32_t place = places_of(grid)[min_of(row, EMULATOR_ROW_LIMIT - 1)];

    return grid->cells[grid->alternate ? 1 : 0][min_of(place, EMULATOR_ROW_LIMIT - 1)];
}

static emulator_cell blank_cell(const struct emulator_grid *grid)
{
    return ' ' | (CELL_DEFAULT_COLOURS & CELL_FOREGROUND) | (grid->pen & CELL_BACKGROUND);
}

static void fill_cells(emulator_cell *cells, uint32_t count, emulator_cell cell)
{
    uint64_t pair = (uint64_t)cell << 32 | cell;
    uint32_t pairs = count / 2;

    if (count % 2 != 0)
        cells[count - 1] = cell;
    __asm__ volatile("rep stosq" : "+D"(cells), "+c"(pairs) : "a"(pair) : "memory");
}

void emulator_grid_fill(struct emulator_grid *grid, emulator_cell cell)
{
    for (uint32_t row = 0; row < grid->rows; row++)
        fill_cells(emulator_grid_row(grid, row), grid->columns, cell);
    grid->work += grid->rows * (grid->columns / 2 + 40);
    emulator_grid_damage_all(grid);
}

void emulator_grid_damage(struct emulator_grid *grid, uint32_t row, uint32_t column)
{
    if (row >= EMULATOR_ROW_LIMIT)
        return;
    if (column < grid->first_damaged[row])
        grid->first_damaged[row] = (uint16_t)column;
    if (row < grid->first_damaged_row)
        grid->first_damaged_row = row;
}

static void damage_rows(struct emulator_grid *grid, uint32_t first, uint32_t last)
{
    grid->work += 6 * (last + 1 - first);
    for (uint32_t row = first; row <= last; row++)
        emulator_grid_damage(grid, row, 0);
}

void emulator_grid_damage_all(struct emulator_grid *grid)
{
    damage_rows(grid, 0, row_count(grid) - 1);
}

static void reset_state(struct emulator_grid *grid)
{
    grid->wrap_pending = grid->insert = grid->alternate = false;
    grid->autowrap = true;
    grid->top = 0;
    grid->bottom = grid->rows - 1;
    grid->pen = CELL_DEFAULT_COLOURS;
}

static void clear_screen(struct emulator_grid *grid, uint32_t screen)
{
    grid->work += grid->rows * (grid->columns / 2 + 40);
    for (uint32_t row = 0; row < grid->rows; row++) {
        grid->place[screen][row] = (uint16_t)row;
        fill_cells(grid->cells[screen][row], grid->columns, ' ' | CELL_DEFAULT_COLOURS);
    }
}

void emulator_grid_init(struct emulator_grid *grid, uint32_t columns, uint32_t rows)
{
    grid->columns = columns;
    grid->rows = rows;
    grid->columns = column_count(grid);
    grid->rows = row_count(grid);
    grid->row = grid->column = 0;
    reset_state(grid);
    clear_screen(grid, 0);
    clear_screen(grid, 1);
    for (uint32_t row = 0; row < EMULATOR_ROW_LIMIT; row++)
        grid->first_damaged[row] = (uint16_t)grid->columns;
    emulator_grid_damage_all(grid);
}

// Does each row have a place of its own?
static bool places_are_sound(const struct emulator_grid *grid, uint32_t screen)
{
    bool taken[EMULATOR_ROW_LIMIT] = { false };

    for (uint32_t row = 0; row < grid->rows; row++) {
        uint32_t place = grid->place[screen][row];
        if (place >= grid->rows || taken[place])
            return false;
        taken[place] = true;
    }
    return true;
}

void emulator_grid_recover(struct emulator_grid *grid, uint32_t row)
{
    bool row_is_used = false;

    grid->columns = column_count(grid);
    grid->rows = row_count(grid);
    reset_state(grid);
    for (uint32_t screen = 0; screen < 2; screen++)
        if (!places_are_sound(grid, screen))
            clear_screen(grid, screen);
    emulator_grid_move(grid, row, 0);
    const emulator_cell *cells = emulator_grid_row(grid, grid->row);
    for (uint32_t column = 0; column < grid->columns; column++)
        row_is_used |= (cells[column] & CELL_CODE_POINT) != ' ';
    if (row_is_used)
        emulator_grid_line_feed(grid);
    emulator_grid_damage_all(grid);
}

static void wrap_if_pending(struct emulator_grid *grid)
{
    bool wraps = grid->wrap_pending && grid->autowrap;

    grid->wrap_pending = false;
    if (!wraps)
        return;
    emulator_grid_line_feed(grid);
    grid->column = 0;
}

static void step_right(struct emulator_grid *grid)
{
    if (grid->column + 1 < grid->columns)
        grid->column++;
    else
        grid->wrap_pending = true;
}

void emulator_grid_put(struct emulator_grid *grid, uint32_t code_point)
{
    wrap_if_pending(grid);
    if (grid->insert)
        emulator_grid_insert_cells(grid, 1);
    uint32_t column = min_of(grid->column, EMULATOR_COLUMN_LIMIT - 1);
    emulator_grid_row(grid, grid->row)[column] = grid->pen | (code_point & CELL_CODE_POINT);
    emulator_grid_damage(grid, grid->row, column);
    step_right(grid);
}

static bool is_printable(char byte)
{
    return (uint8_t)(byte - ' ') < 0x7f - ' ';
}

struct packed_struct eight_bytes {
    uint64_t value;
};

// All eight: none has the high bit, is DEL or lies below a space. A carry out of a byte, or a
// borrow, leaves the high bit of that byte behind.
static bool are_printable(uint64_t bytes)
{
    uint64_t too_large = bytes | (bytes + 0x0101010101010101),
             too_small = bytes - 0x2020202020202020;

    return ((too_large | too_small) & 0x8080808080808080) == 0;
}

// Printable characters of text as cells, eight at a time, two a store; returns how many.
static size_t copy_printable(emulator_cell *cells, const char *text, size_t length,
                             emulator_cell pen)
{
    uint64_t pens = (uint64_t)pen << 32 | pen;
    size_t done = 0;

    for (; length - done >= 8; done += 8) {
        uint64_t bytes = ((const struct eight_bytes *)(text + done))->value;
        if (!are_printable(bytes))
            break;
        for (size_t i = 0; i < 8; i += 2, bytes >>= 16) // b0 and b1 << 32 of 0x...b1b0
            ((struct eight_bytes *)(cells + done + i))->value =
                ((bytes & 0xffff) * 0x1000001 & 0xff000000ff) | pens;
    }
    for (; done < length && is_printable(text[done]); done++)
        cells[done] = pen | (uint8_t)text[done];
    return done;
}

size_t emulator_grid_put_ascii(struct emulator_grid *grid, const char *text, size_t length)
{
    size_t taken = 0;

    while (taken < length && is_printable(text[taken])) {
        if (grid->wrap_pending || grid->insert || grid->column + 1 >= grid->columns) {
            emulator_grid_put(grid, (uint8_t)text[taken++]);
            continue;
        }
        // All but the last column, which waits for the next character.
        uint32_t column = min_of(grid->column, EMULATOR_COLUMN_LIMIT - 1);
        size_t room = max_of(column_count(grid) - 1, column) - column;
        size_t count = copy_printable(emulator_grid_row(grid, grid->row) + column, text + taken,
                                      min_of(length - taken, room), grid->pen);
        emulator_grid_damage(grid, grid->row, column);
        grid->column = column + (uint32_t)count;
        taken += count;
    }
    return taken;
}

void emulator_grid_move(struct emulator_grid *grid, uint32_t row, uint32_t column)
{
    grid->row = min_of(row, grid->rows - 1);
    grid->column = min_of(column, grid->columns - 1);
    grid->wrap_pending = false;
}

void emulator_grid_move_rows(struct emulator_grid *grid, int64_t distance)
{
    int64_t first = grid->row >= grid->top ? grid->top : 0;
    int64_t last = grid->row <= grid->bottom ? grid->bottom : grid->rows - 1;
    int64_t row = min_of(max_of(grid->row + distance, first), last);

    emulator_grid_move(grid, (uint32_t)row, grid->column);
}

void emulator_grid_line_feed(struct emulator_grid *grid)
{
    grid->wrap_pending = false;
    if (grid->row == grid->bottom)
        emulator_grid_scroll_up(grid, grid->top, grid->bottom, 1);
    else if (grid->row + 1 < grid->rows)
        grid->row++;
}

void emulator_grid_reverse_line_feed(struct emulator_grid *grid)
{
    grid->wrap_pending = false;
    if (grid->row == grid->top)
        emulator_grid_scroll_down(grid, grid->top, grid->bottom, 1);
    else if (grid->row > 0)
        grid->row--;
}

// Cuts a range of rows to the screen; how many rows it has, 0 when it is none.
static uint32_t clip_rows(const struct emulator_grid *grid, uint32_t first, uint32_t *last)
{
    uint32_t lowest = row_count(grid) - 1;

    *last = min_of(*last, lowest);
    return first <= *last ? *last - first + 1 : 0;
}

void emulator_grid_scroll_up(struct emulator_grid *grid, uint32_t first, uint32_t last,
                             uint32_t count)
{
    uint16_t gone[EMULATOR_ROW_LIMIT], *places = places_of(grid) + first;
    uint32_t height = clip_rows(grid, first, &last);

    count = min_of(count, height);
    if (count == 0)
        return;
    memcpy(gone, places, count * sizeof(*places));
    memmove(places, places + count, (height - count) * sizeof(*places));
    memcpy(places + height - count, gone, count * sizeof(*places));
    emulator_grid_erase_rows(grid, last + 1 - count, last);
    damage_rows(grid, first, last);
}

void emulator_grid_scroll_down(struct emulator_grid *grid, uint32_t first, uint32_t last,
                               uint32_t count)
{
    uint16_t gone[EMULATOR_ROW_LIMIT], *places = places_of(grid) + first;
    uint32_t height = clip_rows(grid, first, &last);

    count = min_of(count, height);
    if (count == 0)
        return;
    memcpy(gone, places + height - count, count * sizeof(*places));
    memmove(places + count, places, (height - count) * sizeof(*places));
    memcpy(places, gone, count * sizeof(*places));
    emulator_grid_erase_rows(grid, first, first + count - 1);
    damage_rows(grid, first, last);
}

void emulator_grid_erase(struct emulator_grid *grid, uint32_t row, uint32_t start, uint32_t end)
{
    uint32_t columns = column_count(grid);

    end = min_of(end, columns);
    if (start >= end)
        return;
    fill_cells(emulator_grid_row(grid, row) + start, end - start, blank_cell(grid));
    grid->work += (end - start) / 2 + 40;
    emulator_grid_damage(grid, row, start);
}

void emulator_grid_erase_rows(struct emulator_grid *grid, uint32_t first, uint32_t last)
{
    (void)clip_rows(grid, first, &last);
    for (uint32_t row = first; row <= last; row++)
        emulator_grid_erase(grid, row, 0, grid->columns);
}

void emulator_grid_insert_cells(struct emulator_grid *grid, uint32_t count)
{
    uint32_t columns = column_count(grid);
    uint32_t column = min_of(grid->column, columns - 1);
    emulator_cell *cells = emulator_grid_row(grid, grid->row);

    grid->wrap_pending = false;
    count = min_of(count, columns - column);
    grid->work += (columns - column) / 2;
    memmove(cells + column + count, cells + column, (columns - column - count) * sizeof(*cells));
    emulator_grid_erase(grid, grid->row, column, column + count);
}

void emulator_grid_delete_cells(struct emulator_grid *grid, uint32_t count)
{
    uint32_t columns = column_count(grid);
    uint32_t column = min_of(grid->column, columns - 1);
    emulator_cell *cells = emulator_grid_row(grid, grid->row);

    grid->wrap_pending = false;
    count = min_of(count, columns - column);
    grid->work += (columns - column) / 2;
    memmove(cells + column, cells + column + count, (columns - column - count) * sizeof(*cells));
    emulator_grid_erase(grid, grid->row, columns - count, columns);
    emulator_grid_damage(grid, grid->row, column);
}
