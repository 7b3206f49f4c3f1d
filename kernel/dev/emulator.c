// The emulator: text and control characters go to the grid, sequences to emulator_sequences.c.
// Called by screen.c under the log lock; panic may break in anywhere and begins with
// emulator_reset_for_panic(). Invariant: no input moves anything out of the grid.
#include "dev/emulator.h"

#include "dev/emulator_internal.h"
#include "lib/string.h"

#define TAB_WIDTH 8u
#define FIRST_GRAPHIC 0x5fu
#define RUN_LIMIT ((size_t)1024) // characters before the work is looked at again

// DEC's special graphics, from 0x5f on.
static const uint16_t graphics[] = {
    0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
    0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c,
    0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

void emulator_set_tab_stop(struct emulator *emulator, uint32_t column, bool on)
{
    uint64_t bit = 1ull << column % 64;
    uint64_t *stops = &emulator->tab_stops[min_of(column, EMULATOR_COLUMN_LIMIT - 1) / 64];

    *stops = on ? *stops | bit : *stops & ~bit;
}

static void reset_tab_stops(struct emulator *emulator)
{
    for (uint32_t column = 0; column < EMULATOR_COLUMN_LIMIT; column++)
        emulator_set_tab_stop(emulator, column, column % TAB_WIDTH == 0);
}

static bool is_tab_stop(const struct emulator *emulator, uint32_t column)
{
    return emulator->tab_stops[min_of(column, EMULATOR_COLUMN_LIMIT - 1) / 64] >> column % 64 & 1;
}

// As in xterm, a tab in the last column leaves a pending wrap alone.
void emulator_tab(struct emulator *emulator, int64_t count)
{
    struct emulator_grid *grid = &emulator->grid;
    uint32_t column = grid->column;

    for (; count > 0 && column + 1 < grid->columns; count--)
        do
            column++;
        while (column + 1 < grid->columns && !is_tab_stop(emulator, column));
    for (; count < 0 && column > 0; count++)
        do
            column--;
        while (column > 0 && !is_tab_stop(emulator, column));
    if (column != grid->column)
        emulator_grid_move(grid, grid->row, column);
}

void emulator_soft_reset(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;
    struct emulator_cursor home = { .pen = CELL_DEFAULT_COLOURS };

    grid->autowrap = true;
    grid->insert = false;
    grid->top = 0;
    grid->bottom = grid->rows - 1;
    grid->pen = CELL_DEFAULT_COLOURS;
    emulator->newline = emulator->origin = emulator->cursor_is_hidden = false;
    emulator->cursor_keys_are_application = false;
    emulator->shift = 0;
    emulator->line_drawing[0] = emulator->line_drawing[1] = false;
    emulator->last_character = 0;
    emulator->saved[0] = emulator->saved[1] = home;
}

void emulator_reset(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;

    emulator_grid_init(grid, grid->columns, grid->rows);
    escape_parser_reset(&emulator->parser);
    emulator_soft_reset(emulator);
    reset_tab_stops(emulator);
    emulator->main_row = 0;
}

void emulator_init(struct emulator *emulator, uint32_t columns, uint32_t rows)
{
    emulator->grid.columns = columns;
    emulator->grid.rows = rows;
    emulator->reply_length = 0;
    emulator_reset(emulator);
}

void emulator_recover(struct emulator *emulator)
{
    uint32_t row = emulator->grid.alternate ? emulator->main_row : emulator->grid.row;

    emulator_grid_recover(&emulator->grid, row);
}

void emulator_reset_for_panic(struct emulator *emulator)
{
    emulator_recover(emulator);
    escape_parser_reset(&emulator->parser);
    emulator_soft_reset(emulator);
    reset_tab_stops(emulator);
    emulator->main_row = 0;
    emulator->reply_length = 0;
}

void emulator_move_to(struct emulator *emulator, uint32_t row, uint32_t column)
{
    struct emulator_grid *grid = &emulator->grid;

    if (emulator->origin)
        row = min_of(row + grid->top, grid->bottom);
    emulator_grid_move(grid, row, column);
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
static void put(struct emulator *emulator, uint32_t code_point)
{
    if (code_point >= FIRST_GRAPHIC && code_point < FIRST_GRAPHIC + ARRAY_SIZE(graphics) &&
        emulator->line_drawing[emulator->shift & 1])
        code_point = graphics[code_point - FIRST_GRAPHIC];
    if (code_point > CELL_CODE_POINT)
        code_point = REPLACEMENT_CHARACTER;
    if (code_point >= 0xa0 && has_no_width(code_point))
        return;
    emulator_grid_put(&emulator->grid, code_point);
    emulator->last_character = code_point;
}

static void do_control(struct emulator *emulator, uint32_t control)
{
    struct emulator_grid *grid = &emulator->grid;

    switch (control) {
    case '\b':
        if (grid->column > 0)
            emulator_grid_move(grid, grid->row, grid->column - 1);
        break;
    case '\t':
        emulator_tab(emulator, 1);
        break;
    case '\n':
    case '\v':
    case '\f':
        emulator_grid_line_feed(grid);
        if (emulator->newline)
            grid->column = 0;
        break;
    case '\r':
        emulator_grid_move(grid, grid->row, 0);
        break;
    case 0x0e: // SO
    case 0x0f: // SI
        emulator->shift = control == 0x0e ? 1 : 0;
        break;
    default: // BEL and the rest
        break;
    }
}

// DECALN: a screen full of E.
static void show_alignment(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;

    grid->top = 0;
    grid->bottom = grid->rows - 1;
    emulator_grid_fill(grid, 'E' | CELL_DEFAULT_COLOURS);
    emulator_grid_move(grid, 0, 0);
}

static void do_plain_escape(struct emulator *emulator, char final)
{
    struct emulator_grid *grid = &emulator->grid;

    switch (final) {
    case '7':
        emulator_save_cursor(emulator);
        break;
    case '8':
        emulator_restore_cursor(emulator);
        break;
    case 'D': // IND
        emulator_grid_line_feed(grid);
        break;
    case 'E': // NEL
        emulator_grid_line_feed(grid);
        grid->column = 0;
        break;
    case 'H': // HTS
        emulator_set_tab_stop(emulator, grid->column, true);
        break;
    case 'M': // RI
        emulator_grid_reverse_line_feed(grid);
        break;
    case 'Z': // DECID
        emulator_report_attributes(emulator);
        break;
    case 'c':
        emulator_reset(emulator);
        break;
    default:
        break;
    }
}

static void do_escape(struct emulator *emulator)
{
    char final = emulator->parser.final;

    switch (emulator->parser.intermediate) {
    case 0:
        do_plain_escape(emulator, final);
        break;
    case '(':
        emulator->line_drawing[0] = final == '0';
        break;
    case ')':
        emulator->line_drawing[1] = final == '0';
        break;
    case '#':
        if (final == '8')
            show_alignment(emulator);
        break;
    default:
        break;
    }
}

static void take_byte(struct emulator *emulator, uint8_t byte)
{
    struct escape_parser *parser = &emulator->parser;

    do {
        switch (escape_parser_feed(parser, byte)) {
        case ESCAPE_CHARACTER:
            put(emulator, parser->code_point);
            break;
        case ESCAPE_CONTROL:
            do_control(emulator, parser->code_point);
            break;
        case ESCAPE_SHORT:
            do_escape(emulator);
            break;
        case ESCAPE_CSI:
            emulator_do_csi(emulator);
            break;
        case ESCAPE_NOTHING:
            break;
        }
    } while (parser->again);
}

size_t emulator_write(struct emulator *emulator, const char *text, size_t length, uint32_t work)
{
    struct emulator_grid *grid = &emulator->grid;
    size_t i = 0;

    grid->work = 0;
    while (i < length && grid->work < work) {
        size_t taken = 0, limit = min_of(length - i, RUN_LIMIT);
        if (escape_parser_is_idle(&emulator->parser) &&
            !emulator->line_drawing[emulator->shift & 1])
            taken = emulator_grid_put_ascii(grid, text + i, limit);
        if (taken > 0)
            emulator->last_character = (uint8_t)text[i + taken - 1];
        else
            take_byte(emulator, (uint8_t)text[i++]);
        i += taken;
        grid->work += 80 + 7 * (uint32_t)taken;
    }
    return i;
}
