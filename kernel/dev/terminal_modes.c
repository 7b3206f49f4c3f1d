// Modes, the saved cursor and the two screens. Called by terminal.c and terminal_sequences.c.
#include "dev/terminal_internal.h"

void terminal_save_cursor(struct terminal *terminal)
{
    const struct terminal_grid *grid = &terminal->grid;

    terminal->saved[grid->alternate ? 1 : 0] = (struct terminal_cursor){
        .row = grid->row,
        .column = grid->column,
        .wrap_pending = grid->wrap_pending,
        .origin = terminal->origin,
        .pen = grid->pen,
        .shift = terminal->shift,
        .line_drawing = { terminal->line_drawing[0], terminal->line_drawing[1] },
    };
}

void terminal_restore_cursor(struct terminal *terminal)
{
    struct terminal_grid *grid = &terminal->grid;
    const struct terminal_cursor *saved = &terminal->saved[grid->alternate ? 1 : 0];
    uint32_t row = saved->row;

    terminal->origin = saved->origin;
    if (saved->origin)
        row = min_of(max_of(row, grid->top), grid->bottom);
    terminal_grid_move(grid, row, saved->column);
    grid->wrap_pending = saved->wrap_pending && saved->column == grid->column;
    grid->pen = saved->pen & CELL_ATTRIBUTES;
    terminal->shift = saved->shift;
    terminal->line_drawing[0] = saved->line_drawing[0];
    terminal->line_drawing[1] = saved->line_drawing[1];
}

static void show_screen(struct terminal *terminal, bool alternate)
{
    struct terminal_grid *grid = &terminal->grid;

    if (grid->alternate == alternate)
        return;
    if (alternate)
        terminal->main_row = grid->row;
    grid->alternate = alternate;
    terminal_grid_damage_all(grid);
}

static void clear_shown_screen(struct terminal *terminal)
{
    terminal_grid_erase_rows(&terminal->grid, 0, terminal->grid.rows - 1);
}

// ?1049: the screen that full-screen programs have for themselves.
static void set_program_screen(struct terminal *terminal, bool on)
{
    if (on)
        terminal_save_cursor(terminal);
    show_screen(terminal, on);
    if (on)
        clear_shown_screen(terminal);
    else
        terminal_restore_cursor(terminal);
}

static void set_private_mode(struct terminal *terminal, uint32_t mode, bool on)
{
    switch (mode) {
    case 1:
        terminal->cursor_keys_are_application = on;
        break;
    case 6:
        terminal->origin = on;
        terminal_move_to(terminal, 0, 0);
        break;
    case 7:
        terminal->grid.autowrap = on;
        break;
    case 25:
        terminal->cursor_is_hidden = !on;
        break;
    case 1047:
        if (!on && terminal->grid.alternate)
            clear_shown_screen(terminal);
        show_screen(terminal, on);
        break;
    case 47:
        show_screen(terminal, on);
        break;
    case 1048:
        if (on)
            terminal_save_cursor(terminal);
        else
            terminal_restore_cursor(terminal);
        break;
    case 1049:
        set_program_screen(terminal, on);
        break;
    default:
        break;
    }
}

void terminal_set_modes(struct terminal *terminal, bool on)
{
    const struct escape_parser *parser = &terminal->parser;

    for (uint32_t i = 0; i < parser->parameter_count; i++) {
        if (parser->marker == '?')
            set_private_mode(terminal, parser->parameters[i], on);
        else if (parser->marker == 0 && parser->parameters[i] == 4)
            terminal->grid.insert = on;
        else if (parser->marker == 0 && parser->parameters[i] == 20)
            terminal->newline = on;
    }
}
