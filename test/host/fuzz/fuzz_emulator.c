// Any bytes for the terminal emulation: after each piece the cursor and all that indexes cells is
// in bounds, and after a panic breaks in, text can be read. The first two bytes choose the size.
#include <stdlib.h>

#include "dev/emulator.h"

#define PIECE 7u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_grid(const struct emulator_grid *grid)
{
    bool taken[EMULATOR_ROW_LIMIT] = { false };

    require(grid->row < grid->rows && grid->column < grid->columns);
    require(grid->top <= grid->bottom && grid->bottom < grid->rows);
    require(!grid->wrap_pending || grid->column == grid->columns - 1);
    require((grid->pen & CELL_CODE_POINT) == 0);
    for (uint32_t row = 0; row < grid->rows; row++) {
        uint32_t place = grid->place[grid->alternate][row];
        require(place < grid->rows && !taken[place]);
        taken[place] = true;
        require(grid->first_damaged[row] <= grid->columns);
        require(grid->first_damaged[row] == grid->columns || grid->first_damaged_row <= row);
    }
}

static void check_panic(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;

    emulator_reset_for_panic(emulator);
    (void)emulator_write(emulator, "P\r\n", 3, UINT32_MAX);
    check_grid(grid);
    require(!grid->alternate && grid->column == 0);
    if (grid->row > 0)
        require(emulator_grid_row(grid, grid->row - 1)[0] == ('P' | CELL_DEFAULT_COLOURS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct emulator emulator;
    char reply[3];

    if (size < 2)
        return 0;
    emulator_init(&emulator, data[0] % 64u, data[1] % 32u);
    for (size_t i = 2; i < size; i += PIECE) {
        (void)emulator_write(&emulator, (const char *)data + i, min_of(size - i, (size_t)PIECE),
                             UINT32_MAX);
        check_grid(&emulator.grid);
        if (data[i] % 8 == 0)
            (void)emulator_take_replies(&emulator, reply, sizeof(reply));
    }
    check_panic(&emulator);
    return 0;
}
