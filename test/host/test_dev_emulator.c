// A panic that breaks into the terminal emulation anywhere: whatever its variables hold, what is
// written next can be read. (What it makes of its input is compared with another emulation in
// test/tooling/test_emulator.py.)
#include <string.h>

#include "dev/emulator.h"
#include "test.h"

static struct emulator emulator;

static void write_text(const char *text)
{
    (void)emulator_write(&emulator, text, strlen(text), UINT32_MAX);
}

static bool row_shows(uint32_t row, const char *text)
{
    const emulator_cell *cells = emulator_grid_row(&emulator.grid, row);

    for (uint32_t column = 0; column < emulator.grid.columns; column++) {
        uint32_t wanted = column < strlen(text) ? (uint8_t)text[column] : ' ';
        if (cells[column] != (wanted | CELL_DEFAULT_COLOURS))
            return false;
    }
    return true;
}

TEST(dev_emulator_panic_goes_on_below_the_text)
{
    emulator_init(&emulator, 40, 10);
    write_text("one\r\ntwo\033[31mhalf");
    emulator_reset_for_panic(&emulator);
    write_text("panic\r\n");
    CHECK(row_shows(0, "one") && row_shows(2, "panic"));
    emulator_init(&emulator, 40, 10);
    write_text("one\r\ntwo\r\n");
    emulator_reset_for_panic(&emulator);
    write_text("panic\r\n");
    CHECK(row_shows(1, "two") && row_shows(2, "panic"));
}

TEST(dev_emulator_panic_leaves_the_alternate_screen)
{
    emulator_init(&emulator, 40, 10);
    write_text(
        "$ vi\r\n\033[?1049h\033[2;5r\033[?6h\033[44mtext\033[?25l\033(0\033[?7l\033[4h\033[12");
    emulator_reset_for_panic(&emulator);
    write_text("lqk panic\r\n");
    CHECK(row_shows(0, "$ vi") && row_shows(1, "lqk panic"));
    CHECK(!emulator.cursor_is_hidden);
    for (int i = 0; i < 20; i++)
        write_text("line\r\n");
    CHECK(row_shows(0, "line") && row_shows(8, "line") && row_shows(9, ""));
}

static void scribble(uint32_t *number)
{
    if (random_below(2) != 0)
        *number = random_below(2) != 0 ? (uint32_t)random_number() : (uint32_t)random_below(200);
}

TEST(dev_emulator_panic_survives_any_state)
{
    struct emulator_grid *grid = &emulator.grid;

    for (int i = 0; i < 3000; i++) {
        emulator_init(&emulator, 1 + (uint32_t)random_below(50), 2 + (uint32_t)random_below(30));
        write_text("some text\r\n\033[?1049h");
        scribble(&grid->row);
        scribble(&grid->column);
        scribble(&grid->top);
        scribble(&grid->bottom);
        scribble(&grid->pen);
        scribble(&grid->first_damaged_row);
        scribble(&emulator.main_row);
        scribble(&emulator.shift);
        scribble(&emulator.reply_length);
        scribble(&emulator.parser.bytes_missing);
        scribble(&emulator.parser.parameter_count);
        for (uint32_t row = 0; row < grid->rows && random_below(2) != 0; row++)
            grid->place[0][row] = (uint16_t)random_number();
        emulator_reset_for_panic(&emulator);
        for (int line = 0; line < 40; line++)
            write_text("P\r\n");
        CHECK(row_shows(0, "P") && row_shows(grid->rows - 2, "P") && row_shows(grid->rows - 1, ""));
    }
}
