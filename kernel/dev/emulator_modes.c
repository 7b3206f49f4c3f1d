// Modes, the saved cursor and the two screens. Called by emulator.c and emulator_sequences.c.
#include "dev/emulator_internal.h"

void emulator_save_cursor(struct emulator *emulator)
{
    const struct emulator_grid *grid = &emulator->grid;

    emulator->saved[grid->alternate ? 1 : 0] = (struct emulator_cursor){
        .row = grid->row,
        .column = grid->column,
        .wrap_pending = grid->wrap_pending,
        .origin = emulator->origin,
        .pen = grid->pen,
        .shift = emulator->shift,
        .line_drawing = { emulator->line_drawing[0], emulator->line_drawing[1] },
    };
}

void emulator_restore_cursor(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;
    const struct emulator_cursor *saved = &emulator->saved[grid->alternate ? 1 : 0];
    uint32_t row = saved->row;

    emulator->origin = saved->origin;
    if (saved->origin)
        row = min_of(max_of(row, grid->top), grid->bottom);
    emulator_grid_move(grid, row, saved->column);
    grid->wrap_pending = saved->wrap_pending && saved->column == grid->column;
    grid->pen = saved->pen & CELL_ATTRIBUTES;
    emulator->shift = saved->shift;
    emulator->line_drawing[0] = saved->line_drawing[0];
    emulator->line_drawing[1] = saved->line_drawing[1];
}

static void show_screen(struct emulator *emulator, bool alternate)
{
    struct emulator_grid *grid = &emulator->grid;

    if (grid->alternate == alternate)
        return;
    if (alternate)
        emulator->main_row = grid->row;
    grid->alternate = alternate;
    emulator_grid_damage_all(grid);
}

static void clear_shown_screen(struct emulator *emulator)
{
    emulator_grid_erase_rows(&emulator->grid, 0, emulator->grid.rows - 1);
}

// ?1049: the screen that full-screen programs have for themselves.
static void set_program_screen(struct emulator *emulator, bool on)
{
    if (on)
        emulator_save_cursor(emulator);
    show_screen(emulator, on);
    if (on)
        clear_shown_screen(emulator);
    else
        emulator_restore_cursor(emulator);
}

static void set_private_mode(struct emulator *emulator, uint32_t mode, bool on)
{
    switch (mode) {
    case 1:
        emulator->cursor_keys_are_application = on;
        break;
    case 6:
        emulator->origin = on;
        emulator_move_to(emulator, 0, 0);
        break;
    case 7:
        emulator->grid.autowrap = on;
        break;
    case 25:
        emulator->cursor_is_hidden = !on;
        break;
    case 1047:
        if (!on && emulator->grid.alternate)
            clear_shown_screen(emulator);
        show_screen(emulator, on);
        break;
    case 47:
        show_screen(emulator, on);
        break;
    case 1048:
        if (on)
            emulator_save_cursor(emulator);
        else
            emulator_restore_cursor(emulator);
        break;
    case 1049:
        set_program_screen(emulator, on);
        break;
    default:
        break;
    }
}

void emulator_set_modes(struct emulator *emulator, bool on)
{
    const struct escape_parser *parser = &emulator->parser;

    for (uint32_t i = 0; i < parser->parameter_count; i++) {
        if (parser->marker == '?')
            set_private_mode(emulator, parser->parameters[i], on);
        else if (parser->marker == 0 && parser->parameters[i] == 4)
            emulator->grid.insert = on;
        else if (parser->marker == 0 && parser->parameters[i] == 20)
            emulator->newline = on;
    }
}
