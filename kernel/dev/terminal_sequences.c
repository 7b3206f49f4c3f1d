// CSI sequences, one function each; the table at the end names them. Called by terminal.c with the
// sequence in the parser. Where terminals differ, xterm decides.
#include "dev/terminal_colours.h"
#include "dev/terminal_internal.h"

// `count` is the first parameter, at least 1.
typedef void (*sequence_action)(struct terminal *terminal, uint32_t count);

static uint32_t parameter(const struct terminal *terminal, uint32_t index)
{
    return index < terminal->parser.parameter_count ? terminal->parser.parameters[index] : 0;
}

static void cursor_up(struct terminal *terminal, uint32_t count)
{
    terminal_grid_move_rows(&terminal->grid, -(int64_t)count);
}

static void cursor_down(struct terminal *terminal, uint32_t count)
{
    terminal_grid_move_rows(&terminal->grid, count);
}

static void cursor_right(struct terminal *terminal, uint32_t count)
{
    terminal_grid_move(&terminal->grid, terminal->grid.row, terminal->grid.column + count);
}

static void cursor_left(struct terminal *terminal, uint32_t count)
{
    uint32_t column = terminal->grid.column;

    terminal_grid_move(&terminal->grid, terminal->grid.row, column - min_of(column, count));
}

static void cursor_to_next_line(struct terminal *terminal, uint32_t count)
{
    cursor_down(terminal, count);
    terminal->grid.column = 0;
}

static void cursor_to_previous_line(struct terminal *terminal, uint32_t count)
{
    cursor_up(terminal, count);
    terminal->grid.column = 0;
}

static void cursor_to_column(struct terminal *terminal, uint32_t count)
{
    terminal_grid_move(&terminal->grid, terminal->grid.row, count - 1);
}

static void cursor_to_row(struct terminal *terminal, uint32_t count)
{
    terminal_move_to(terminal, count - 1, terminal->grid.column);
}

static void cursor_rows_on(struct terminal *terminal, uint32_t count)
{
    uint32_t first = terminal->origin ? terminal->grid.top : 0;

    terminal_move_to(terminal, terminal->grid.row - first + count, terminal->grid.column);
}

static void cursor_to(struct terminal *terminal, uint32_t count)
{
    terminal_move_to(terminal, count - 1, max_of(parameter(terminal, 1), 1u) - 1);
}

static void tab_forward(struct terminal *terminal, uint32_t count)
{
    terminal_tab(terminal, count);
}

static void tab_back(struct terminal *terminal, uint32_t count)
{
    terminal_tab(terminal, -(int64_t)count);
}

static void clear_tab_stops(struct terminal *terminal, uint32_t count)
{
    uint32_t which = parameter(terminal, 0);

    for (uint32_t column = 0; column < TERMINAL_COLUMN_LIMIT; column++)
        if (which == 3 || (which == 0 && column == terminal->grid.column))
            terminal_set_tab_stop(terminal, column, false);
}

static void erase_in_line(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;
    uint32_t which = parameter(terminal, 0);

    if (which > 2)
        return;
    if (which == 0)
        grid->wrap_pending = false;
    terminal_grid_erase(grid, grid->row, which == 0 ? grid->column : 0,
                        which == 1 ? grid->column + 1 : grid->columns);
}

static void erase_in_display(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;
    uint32_t which = parameter(terminal, 0);

    if (which < 2)
        erase_in_line(terminal, count);
    if (which == 0 && grid->row + 1 < grid->rows)
        terminal_grid_erase_rows(grid, grid->row + 1, grid->rows - 1);
    if (which == 1 && grid->row > 0)
        terminal_grid_erase_rows(grid, 0, grid->row - 1);
    if (which == 2 || which == 3)
        terminal_grid_erase_rows(grid, 0, grid->rows - 1);
}

static void erase_cells(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;

    grid->wrap_pending = false;
    terminal_grid_erase(grid, grid->row, grid->column, grid->column + count);
}

static void insert_cells(struct terminal *terminal, uint32_t count)
{
    terminal_grid_insert_cells(&terminal->grid, count);
}

static void delete_cells(struct terminal *terminal, uint32_t count)
{
    terminal_grid_delete_cells(&terminal->grid, count);
}

static bool cursor_is_in_region(const struct terminal_grid *grid)
{
    return grid->row >= grid->top && grid->row <= grid->bottom;
}

static void insert_lines(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;

    if (!cursor_is_in_region(grid))
        return;
    terminal_grid_scroll_down(grid, grid->row, grid->bottom, count);
    terminal_grid_move(grid, grid->row, 0);
}

static void delete_lines(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;

    if (!cursor_is_in_region(grid))
        return;
    terminal_grid_scroll_up(grid, grid->row, grid->bottom, count);
    terminal_grid_move(grid, grid->row, 0);
}

static void scroll_up(struct terminal *terminal, uint32_t count)
{
    terminal_grid_scroll_up(&terminal->grid, terminal->grid.top, terminal->grid.bottom, count);
    terminal->grid.wrap_pending = false;
}

// With more parameters it is about the mouse.
static void scroll_down(struct terminal *terminal, uint32_t count)
{
    if (terminal->parser.parameter_count > 1)
        return;
    terminal_grid_scroll_down(&terminal->grid, terminal->grid.top, terminal->grid.bottom, count);
    terminal->grid.wrap_pending = false;
}

// More than a screen full shows nothing new.
static void repeat_character(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;

    if (terminal->last_character == 0)
        return;
    for (count = min_of(count, grid->columns * grid->rows); count > 0; count--)
        terminal_grid_put(grid, terminal->last_character);
}

static void set_modes(struct terminal *terminal, uint32_t count)
{
    terminal_set_modes(terminal, true);
}

static void reset_modes(struct terminal *terminal, uint32_t count)
{
    terminal_set_modes(terminal, false);
}

static void change_pen(struct terminal *terminal, uint32_t count)
{
    terminal->grid.pen = terminal_change_pen(terminal->grid.pen, terminal->parser.parameters,
                                             terminal->parser.parameter_count);
}

static void report_status(struct terminal *terminal, uint32_t count)
{
    terminal_report_status(terminal);
}

static void report_attributes(struct terminal *terminal, uint32_t count)
{
    if (parameter(terminal, 0) == 0)
        terminal_report_attributes(terminal);
}

static void set_region(struct terminal *terminal, uint32_t count)
{
    struct terminal_grid *grid = &terminal->grid;
    uint32_t last = parameter(terminal, 1);

    if (last == 0 || last > grid->rows)
        last = grid->rows;
    if (count >= last)
        return;
    grid->top = count - 1;
    grid->bottom = last - 1;
    terminal_move_to(terminal, 0, 0);
}

static void save_cursor(struct terminal *terminal, uint32_t count)
{
    terminal_save_cursor(terminal);
}

static void restore_cursor(struct terminal *terminal, uint32_t count)
{
    terminal_restore_cursor(terminal);
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

void terminal_do_csi(struct terminal *terminal)
{
    const struct escape_parser *parser = &terminal->parser;
    uint32_t index = (uint8_t)parser->final - '@';

    if (parser->intermediate == '!' && parser->final == 'p' && parser->marker == 0)
        terminal_soft_reset(terminal);
    if (parser->intermediate != 0 || index >= ARRAY_SIZE(actions) || !actions[index] ||
        (parser->marker != 0 && !(parser->marker == '?' && is_private(parser->final))))
        return;
    actions[index](terminal, max_of(parameter(terminal, 0), 1u));
}
