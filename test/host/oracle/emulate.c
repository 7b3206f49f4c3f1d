// The screen's terminal emulation as a filter, for test/tooling/test_emulator.py. Arguments:
// columns and rows. Input, any number of times: a length in a line of its own, so many bytes for a
// fresh terminal. Output for each: one line, `row column pending hidden application replies cells`,
// replies and cells in hexadecimal.
#include <stdio.h>
#include <stdlib.h>

#include "dev/emulator.h"

static void print_hexadecimal(const char *bytes, size_t length)
{
    putchar(' ');
    for (size_t i = 0; i < length; i++)
        printf("%02x", (uint8_t)bytes[i]);
    if (length == 0)
        putchar('-');
}

static void print_state(struct emulator *emulator)
{
    struct emulator_grid *grid = &emulator->grid;
    char replies[EMULATOR_REPLY_LIMIT];

    printf("%u %u %d %d %d", grid->row, grid->column, grid->wrap_pending,
           emulator->cursor_is_hidden, emulator->cursor_keys_are_application);
    print_hexadecimal(replies, emulator_take_replies(emulator, replies, sizeof(replies)));
    putchar(' ');
    for (uint32_t row = 0; row < grid->rows; row++)
        for (uint32_t column = 0; column < grid->columns; column++)
            printf("%08x", emulator_grid_row(grid, row)[column]);
    putchar('\n');
}

int main(int argc, char **argv)
{
    static struct emulator emulator;
    size_t length;

    if (argc != 3)
        return 2;
    while (scanf("%zu", &length) == 1 && getchar() == '\n') {
        char *bytes = malloc(length + 1);
        if (fread(bytes, 1, length, stdin) != length)
            return 2;
        emulator_init(&emulator, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]));
        size_t taken = emulator_write(&emulator, bytes, length, UINT32_MAX);
        if (taken != length)
            return 2;
        print_state(&emulator);
        free(bytes);
    }
    return 0;
}
