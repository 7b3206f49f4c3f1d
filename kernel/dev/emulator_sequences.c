// CSI sequences, one function each; the table at the end names them. Called by emulator.c with the
// sequence in the parser. Where terminals differ, xterm decides.
#include "dev/cell_colours.h"
#include "dev/emulator_internal.h"

#define REPEAT_LIMIT EMULATOR_COLUMN_LIMIT

// `count` is the first parameter, at least 1.
typedef void (*sequence_action)(struct emulator *emulator, uint32_t count);

static uint32_t parameter(const struct emulator *emulator, uint32_t index)
{
    return index < emulator->parser.parameter_count ? emulator->parser.parameters[index] : 0;
}

static void cursor_up(struct emulator *emulator, uint32_t count)
{
    emulator_grid_move_rows(&emulator->grid, -(int64_t)count);
}

static void cursor_down(struct emulator *emulator, uint32_t count)
{
    emulator_grid_move_rows(&emulator->grid, count);
}

static void cursor_right(struct emulator *emulator, uint32_t count)
{
    emulator_grid_move(&emulator->grid, emulator->grid.row, emulator->grid.column + count);
}

static void cursor_left(struct emulator *emulator, uint32_t count)
{
    uint32_t column = emulator->grid.column;

    emulator_grid_move(&emulator->grid, emulator->grid.row, column - min_of(column, count));
}

static void cursor_to_next_line(struct emulator *emulator, uint32_t count)
{
    cursor_down(emulator, count);
    emulator->grid.column = 0;
}

static void cursor_to_previous_line(struct emulator *emulator, uint32_t count)
{
    cursor_up(emulator, count);
    emulator->grid.column = 0;
}

static void cursor_to_column(struct emulator *emulator, uint32_t count)
{
    emulator_grid_move(&emulator->grid, emulator->grid.row, count - 1);
}

static void cursor_to_row(struct emulator *emulator, uint32_t count)
{
    emulator_move_to(emulator, count - 1, emulator->grid.column);
}

static void cursor_rows_on(struct emulator *emulator, uint32_t count)
{
    uint32_t first = emulator->origin ? emulator->grid.top : 0;

    emulator_move_to(emulator, emulator->grid.row - first + count, emulator->grid.column);
}

static void cursor_to(struct emulator *emulator, uint32_t count)
{
    emulator_move_to(emulator, count - 1, max_of(parameter(emulator, 1), 1u) - 1);
}

static void tab_forward(struct emulator *emulator, uint32_t count)
{
    emulator_tab(emulator, count);
}

static void tab_back(struct emulator *emulator, uint32_t count)
{
    emulator_tab(emulator, -(int64_t)count);
}

static void clear_tab_stops(struct emulator *emulator, uint32_t count)
{
    uint32_t which = parameter(emulator, 0);

    for (uint32_t column = 0; column < EMULATOR_COLUMN_LIMIT; column++)
        if (which == 3 || (which == 0 && column == emulator->grid.column))
            emulator_set_tab_stop(emulator, column, false);
}

static void erase_in_line(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;
    uint32_t which = parameter(emulator, 0);

    if (which > 2)
        return;
    if (which == 0)
        grid->wrap_pending = false;
    emulator_grid_erase(grid, grid->row, which == 0 ? grid->column : 0,
                        which == 1 ? grid->column + 1 : grid->columns);
}

static void erase_in_display(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;
    uint32_t which = parameter(emulator, 0);

    if (which < 2)
        erase_in_line(emulator, count);
    if (which == 0 && grid->row + 1 < grid->rows)
        emulator_grid_erase_rows(grid, grid->row + 1, grid->rows - 1);
    if (which == 1 && grid->row > 0)
        emulator_grid_erase_rows(grid, 0, grid->row - 1);
    if (which == 2 || which == 3)
        emulator_grid_erase_rows(grid, 0, grid->rows - 1);
}

static void erase_cells(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;

    grid->wrap_pending = false;
    emulator_grid_erase(grid, grid->row, grid->column, grid->column + count);
}

static void insert_cells(struct emulator *emulator, uint32_t count)
{
    emulator_grid_insert_cells(&emulator->grid, count);
}

static void delete_cells(struct emulator *emulator, uint32_t count)
{
    emulator_grid_delete_cells(&emulator->grid, count);
}

static bool cursor_is_in_region(const struct emulator_grid *grid)
{
    return grid->row >= grid->top && grid->row <= grid->bottom;
}

static void insert_lines(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;

    if (!cursor_is_in_region(grid))
        return;
    emulator_grid_scroll_down(grid, grid->row, grid->bottom, count);
    emulator_grid_move(grid, grid->row, 0);
}

static void delete_lines(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;

    if (!cursor_is_in_region(grid))
        return;
    emulator_grid_scroll_up(grid, grid->row, grid->bottom, count);
    emulator_grid_move(grid, grid->row, 0);
}

static void scroll_up(struct emulator *emulator, uint32_t count)
{
    emulator_grid_scroll_up(&emulator->grid, emulator->grid.top, emulator->grid.bottom, count);
    emulator->grid.wrap_pending = false;
}

// With more parameters it is about the mouse.
static void scroll_down(struct emulator *emulator, uint32_t count)
{
    if (emulator->parser.parameter_count > 1)
        return;
    emulator_grid_scroll_down(&emulator->grid, emulator->grid.top, emulator->grid.bottom, count);
    emulator->grid.wrap_pending = false;
}

// No more than a line of the widest screens: nobody asks for more, and it must not take long.
static void repeat_character(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;

    if (emulator->last_character == 0)
        return;
    grid->work += 40 * min_of(count, REPEAT_LIMIT);
    for (count = min_of(count, REPEAT_LIMIT); count > 0; count--)
        emulator_grid_put(grid, emulator->last_character);
}

static void set_modes(struct emulator *emulator, uint32_t count)
{
    emulator_set_modes(emulator, true);
}

static void reset_modes(struct emulator *emulator, uint32_t count)
{
    emulator_set_modes(emulator, false);
}

static void change_pen(struct emulator *emulator, uint32_t count)
{
    emulator->grid.pen = cell_change_pen(emulator->grid.pen, emulator->parser.parameters,
                                         emulator->parser.parameter_count);
}

static void report_status(struct emulator *emulator, uint32_t count)
{
    emulator_report_status(emulator);
}

static void report_attributes(struct emulator *emulator, uint32_t count)
{
    if (parameter(emulator, 0) == 0)
        emulator_report_attributes(emulator);
}

static void set_region(struct emulator *emulator, uint32_t count)
{
    struct emulator_grid *grid = &emulator->grid;
    uint32_t last = parameter(emulator, 1);

    if (last == 0 || last > grid->rows)
        last = grid->rows;
    if (count >= last)
        return;
    grid->top = count - 1;
    grid->bottom = last - 1;
    emulator_move_to(emulator, 0, 0);
}

static void save_cursor(struct emulator *emulator, uint32_t count)
{
    emulator_save_cursor(emulator);
}

static void restore_cursor(struct emulator *emulator, uint32_t count)
{
    emulator_restore_cursor(emulator);
}

static const sequence_action actions[0x40] = {
    ['@' - '@'] = insert_cells,
    ['A' - '@'] = cursor_up,
    ['B' - '@'] = cursor_down,
    ['C' - '@'] = cursor_right,
    ['D' - '@'] = cursor_left,
    ['E' - '@'] = cursor_to_next_line,
    ['F' - '@'] = cursor_to_previous_line,
    ['G' - '@'] = cursor_to_column,
    ['H' - '@'] = cursor_to,
    ['I' - '@'] = tab_forward,
    ['J' - '@'] = erase_in_display,
    ['K' - '@'] = erase_in_line,
    ['L' - '@'] = insert_lines,
    ['M' - '@'] = delete_lines,
    ['P' - '@'] = delete_cells,
    ['S' - '@'] = scroll_up,
    ['T' - '@'] = scroll_down,
    ['X' - '@'] = erase_cells,
    ['Z' - '@'] = tab_back,
    ['`' - '@'] = cursor_to_column,
    ['a' - '@'] = cursor_right,
    ['b' - '@'] = repeat_character,
    ['c' - '@'] = report_attributes,
    ['d' - '@'] = cursor_to_row,
    ['e' - '@'] = cursor_rows_on,
    ['f' - '@'] = cursor_to,
    ['g' - '@'] = clear_tab_stops,
    ['h' - '@'] = set_modes,
    ['l' - '@'] = reset_modes,
    ['m' - '@'] = change_pen,
    ['n' - '@'] = report_status,
    ['r' - '@'] = set_region,
    ['s' - '@'] = save_cursor,
    ['u' - '@'] = restore_cursor,
};

// DECSET, DECRST; DECSED and DECSEL find nothing protected.
static bool is_private(char final)
{
    return final == 'h' || final == 'l' || final == 'J' || final == 'K';
}

void emulator_do_csi(struct emulator *emulator)
{
    const struct escape_parser *parser = &emulator->parser;
    uint32_t index = (uint8_t)parser->final - '@';

    if (parser->intermediate == '!' && parser->final == 'p' && parser->marker == 0)
        emulator_soft_reset(emulator);
    if (parser->intermediate != 0 || index >= ARRAY_SIZE(actions) || !actions[index] ||
        (parser->marker != 0 && !(parser->marker == '?' && is_private(parser->final))))
        return;
    actions[index](emulator, max_of(parameter(emulator, 0), 1u));
}
