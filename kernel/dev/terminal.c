// The terminal: text and control characters go to the grid, sequences to terminal_sequences.c.
// Called by screen.c under the log lock; panic may break in anywhere and begins with
// terminal_reset_for_panic(). Invariant: no input moves anything out of the grid.
#include "dev/terminal.h"

#include "dev/terminal_internal.h"
#include "lib/string.h"

#define TAB_WIDTH 8u
#define FIRST_GRAPHIC 0x5fu

// DEC's special graphics, from 0x5f on.
static const uint16_t graphics[] = {
    0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
    0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c,
    0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

void terminal_set_tab_stop(struct terminal *terminal, uint32_t column, bool on)
{
    uint64_t bit = 1ull << column % 64;
    uint64_t *stops = &terminal->tab_stops[min_of(column, TERMINAL_COLUMN_LIMIT - 1) / 64];

    *stops = on ? *stops | bit : *stops & ~bit;
}

static void reset_tab_stops(struct terminal *terminal)
{
    for (uint32_t column = 0; column < TERMINAL_COLUMN_LIMIT; column++)
        terminal_set_tab_stop(terminal, column, column % TAB_WIDTH == 0);
}

static bool is_tab_stop(const struct terminal *terminal, uint32_t column)
{
    return terminal->tab_stops[min_of(column, TERMINAL_COLUMN_LIMIT - 1) / 64] >> column % 64 & 1;
}

// As in xterm, a tab in the last column leaves a pending wrap alone.
void terminal_tab(struct terminal *terminal, int64_t count)
{
    struct terminal_grid *grid = &terminal->grid;
    uint32_t column = grid->column;

    for (; count > 0 && column + 1 < grid->columns; count--)
        do
            column++;
        while (column + 1 < grid->columns && !is_tab_stop(terminal, column));
    for (; count < 0 && column > 0; count++)
        do
            column--;
        while (column > 0 && !is_tab_stop(terminal, column));
    if (column != grid->column)
        terminal_grid_move(grid, grid->row, column);
}

void terminal_soft_reset(struct terminal *terminal)
{
    struct terminal_grid *grid = &terminal->grid;
    struct terminal_cursor home = { .pen = CELL_DEFAULT_COLOURS };

    grid->autowrap = true;
    grid->insert = false;
    grid->top = 0;
    grid->bottom = grid->rows - 1;
    grid->pen = CELL_DEFAULT_COLOURS;
    terminal->newline = terminal->newline_default;
    terminal->origin = terminal->cursor_is_hidden = false;
    terminal->cursor_keys_are_application = false;
    terminal->shift = 0;
    terminal->line_drawing[0] = terminal->line_drawing[1] = false;
    terminal->last_character = 0;
    terminal->saved[0] = terminal->saved[1] = home;
}

void terminal_reset(struct terminal *terminal)
{
    struct terminal_grid *grid = &terminal->grid;

    terminal_grid_init(grid, grid->columns, grid->rows);
    escape_parser_reset(&terminal->parser);
    terminal_soft_reset(terminal);
    reset_tab_stops(terminal);
    terminal->main_row = 0;
}

void terminal_init(struct terminal *terminal, uint32_t columns, uint32_t rows, bool newline_default)
{
    terminal->grid.columns = columns;
    terminal->grid.rows = rows;
    terminal->newline_default = newline_default;
    terminal->reply_length = 0;
    terminal_reset(terminal);
}

void terminal_reset_for_panic(struct terminal *terminal)
{
    uint32_t row = terminal->grid.alternate ? terminal->main_row : terminal->grid.row;

    terminal_grid_recover(&terminal->grid, row);
    escape_parser_reset(&terminal->parser);
    terminal_soft_reset(terminal);
    reset_tab_stops(terminal);
    terminal->main_row = 0;
    terminal->reply_length = 0;
}

void terminal_move_to(struct terminal *terminal, uint32_t row, uint32_t column)
{
    struct terminal_grid *grid = &terminal->grid;

    if (terminal->origin)
        row = min_of(row + grid->top, grid->bottom);
    terminal_grid_move(grid, row, column);
}

// Zero-width characters: there is no cell that could show them.
static bool has_no_width(uint32_t code_point)
{
    static const struct {
        uint16_t first, last;
    } ranges[] = {
        { 0x00ad, 0x00ad }, { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd },
        { 0x0610, 0x061a }, { 0x064b, 0x065f }, { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a },
        { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
        { 0x2028, 0x202e }, { 0x2060, 0x2064 }, { 0x20d0, 0x20f0 }, { 0x302a, 0x302d },
        { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (code_point >= ranges[i].first && code_point <= ranges[i].last)
            return true;
    return false;
}

// What lies beyond the basic plane has no glyph: one replacement character, one cell.
void terminal_put(struct terminal *terminal, uint32_t code_point)
{
    if (code_point >= FIRST_GRAPHIC && code_point < FIRST_GRAPHIC + ARRAY_SIZE(graphics) &&
        terminal->line_drawing[terminal->shift & 1])
        code_point = graphics[code_point - FIRST_GRAPHIC];
    if (code_point > CELL_CODE_POINT)
        code_point = REPLACEMENT_CHARACTER;
    if (code_point >= 0xa0 && has_no_width(code_point))
        return;
    terminal_grid_put(&terminal->grid, code_point);
    terminal->last_character = code_point;
}

static void do_control(struct terminal *terminal, uint32_t control)
{
    struct terminal_grid *grid = &terminal->grid;

    switch (control) {
    case '\b':
        if (grid->column > 0)
            terminal_grid_move(grid, grid->row, grid->column - 1);
        break;
    case '\t':
        terminal_tab(terminal, 1);
        break;
    case '\n':
    case '\v':
    case '\f':
        terminal_grid_line_feed(grid);
        if (terminal->newline)
            grid->column = 0;
        break;
    case '\r':
        terminal_grid_move(grid, grid->row, 0);
        break;
    case 0x0e: // SO
    case 0x0f: // SI
        terminal->shift = control == 0x0e ? 1 : 0;
        break;
    default: // BEL and the rest
        break;
    }
}

// DECALN: a screen full of E.
static void show_alignment(struct terminal *terminal)
{
    struct terminal_grid *grid = &terminal->grid;

    grid->top = 0;
    grid->bottom = grid->rows - 1;
    for (uint32_t row = 0; row < grid->rows; row++) {
        terminal_cell *cells = terminal_grid_row(grid, row);
        for (uint32_t column = 0; column < grid->columns; column++)
            cells[column] = 'E' | CELL_DEFAULT_COLOURS;
    }
    terminal_grid_damage_all(grid);
    terminal_grid_move(grid, 0, 0);
}

static void do_plain_escape(struct terminal *terminal, char final)
{
    struct terminal_grid *grid = &terminal->grid;

    switch (final) {
    case '7':
        terminal_save_cursor(terminal);
        break;
    case '8':
        terminal_restore_cursor(terminal);
        break;
    case 'D': // IND
        terminal_grid_line_feed(grid);
        break;
    case 'E': // NEL
        terminal_grid_line_feed(grid);
        grid->column = 0;
        break;
    case 'H': // HTS
        terminal_set_tab_stop(terminal, grid->column, true);
        break;
    case 'M': // RI
        terminal_grid_reverse_line_feed(grid);
        break;
    case 'Z': // DECID
        terminal_report_attributes(terminal);
        break;
    case 'c':
        terminal_reset(terminal);
        break;
    default:
        break;
    }
}

static void do_escape(struct terminal *terminal)
{
    char final = terminal->parser.final;

    switch (terminal->parser.intermediate) {
    case 0:
        do_plain_escape(terminal, final);
        break;
    case '(':
        terminal->line_drawing[0] = final == '0';
        break;
    case ')':
        terminal->line_drawing[1] = final == '0';
        break;
    case '#':
        if (final == '8')
            show_alignment(terminal);
        break;
    default:
        break;
    }
}

static void take_byte(struct terminal *terminal, uint8_t byte)
{
    struct escape_parser *parser = &terminal->parser;

    do {
        switch (escape_parser_feed(parser, byte)) {
        case ESCAPE_CHARACTER:
            terminal_put(terminal, parser->code_point);
            break;
        case ESCAPE_CONTROL:
            do_control(terminal, parser->code_point);
            break;
        case ESCAPE_SHORT:
            do_escape(terminal);
            break;
        case ESCAPE_CSI:
            terminal_do_csi(terminal);
            break;
        case ESCAPE_NOTHING:
            break;
        }
    } while (parser->again);
}

void terminal_write(struct terminal *terminal, const char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        size_t taken = 0;
        if (escape_parser_is_idle(&terminal->parser) &&
            !terminal->line_drawing[terminal->shift & 1])
            taken = terminal_grid_put_ascii(&terminal->grid, text + i, length - i);
        if (taken > 0)
            terminal->last_character = (uint8_t)text[i + taken - 1];
        else
            take_byte(terminal, (uint8_t)text[i++]);
        i += taken;
    }
}
