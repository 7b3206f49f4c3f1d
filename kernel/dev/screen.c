// The screen: an emulator, the canvas that shows its cells, and the cursor. Owned by the log, whose
// lock serialises; panic may break in anywhere. Invariant: cells of a row left of the emulator's
// first_damaged are shown as wanted.
#include "dev/screen.h"

#include <stdatomic.h>

#include "dev/canvas.h"
#include "dev/emulator.h"
#include "lib/string.h"

#define PIECE_COST 4096u   // of one screen_draw(), in words stored or cells compared
#define READ_WORK 8192u    // instructions spent on the text that one screen_draw() reads
#define READS_PER_DRAW 16u // while text comes without end; never both in one piece
#define QUEUE_SIZE 32768u

struct cursor_place {
    uint32_t row, column;
    bool is_shown;
};

static bool is_open;
static struct emulator emulator;
static struct cursor_place cursor; // as drawn, or about to be
// Text that waits. Positions count bytes since boot.
static char queue[QUEUE_SIZE];
static _Atomic uint64_t queue_head, queue_tail; // read without the lock, too
static uint32_t reads_in_a_row;

bool screen_init(const struct boot_framebuffer *framebuffer, volatile void *pixels)
{
    uint32_t columns, rows;

    is_open = pixels && canvas_init(framebuffer, pixels, &columns, &rows);
    if (is_open)
        emulator_init(&emulator, columns, rows);
    cursor = (struct cursor_place){ .is_shown = false };
    queue_head = queue_tail = 0;
    return is_open;
}

size_t screen_pending(void)
{
    uint64_t tail = atomic_load(&queue_tail); // first: the head never falls behind it

    return atomic_load(&queue_head) - tail;
}

static void read_piece(void)
{
    size_t start = queue_tail % QUEUE_SIZE;
    size_t length = min_of(screen_pending(), QUEUE_SIZE - start);

    queue_tail += emulator_write(&emulator, queue + start, length, READ_WORK);
}

void screen_write(const char *text, size_t length)
{
    if (!is_open)
        return;
    while (length > 0) {
        size_t start = queue_head % QUEUE_SIZE;
        size_t room = min_of(QUEUE_SIZE - screen_pending(), QUEUE_SIZE - start);
        size_t count = min_of(room, length);
        if (room == 0)
            read_piece();
        memcpy(queue + start, text, count);
        queue_head += count;
        text += count;
        length -= count;
    }
}

void screen_reset_for_panic(void)
{
    if (!is_open)
        return;
    if (screen_pending() > QUEUE_SIZE)
        queue_tail = queue_head;
    emulator_recover(&emulator);
    while (screen_pending() > 0) // what came before the panic
        read_piece();
    emulator_reset_for_panic(&emulator);
    canvas_forget();
    cursor = (struct cursor_place){ .is_shown = false };
}

static bool draw_rows(void)
{
    struct emulator_grid *grid = &emulator.grid;
    uint32_t cost = PIECE_COST;

    for (uint32_t row = grid->first_damaged_row; row < grid->rows; row++) {
        uint32_t column = grid->first_damaged[row];
        grid->first_damaged_row = row;
        if (column < grid->columns && cost > 0)
            cost = canvas_draw_row(row, emulator_grid_row(grid, row), &column, cost);
        grid->first_damaged[row] = (uint16_t)column;
        if (column < grid->columns)
            return true;
    }
    grid->first_damaged_row = grid->rows;
    return false;
}

static void flip_cursor(void)
{
    if (cursor.is_shown)
        emulator_grid_row(&emulator.grid, cursor.row)[cursor.column] ^= CELL_REVERSE;
}

// Where the cursor was and where it is are both drawn again.
static void move_cursor(void)
{
    const struct emulator_grid *grid = &emulator.grid;
    struct cursor_place place = { .row = min_of(grid->row, grid->rows - 1),
                                  .column = min_of(grid->column, grid->columns - 1),
                                  .is_shown = !emulator.cursor_is_hidden };

    if (place.row == cursor.row && place.column == cursor.column &&
        place.is_shown == cursor.is_shown)
        return;
    emulator_grid_damage(&emulator.grid, cursor.row, cursor.column);
    emulator_grid_damage(&emulator.grid, place.row, place.column);
    cursor = place;
}

bool screen_draw(void)
{
    if (!is_open)
        return false;
    if (screen_pending() > 0 && reads_in_a_row < READS_PER_DRAW) {
        read_piece();
        reads_in_a_row++;
        return true;
    }
    reads_in_a_row = 0;
    move_cursor();
    flip_cursor();
    bool more = draw_rows();
    flip_cursor();
    if (!more)
        __asm__ volatile("sfence" ::: "memory"); // out of the write-combining buffers
    return more || screen_pending() > 0;
}

size_t screen_shadow_size(void)
{
    return sizeof(emulator) + canvas_shadow_size();
}

void screen_size(uint16_t *columns, uint16_t *rows)
{
    *columns = is_open ? (uint16_t)emulator.grid.columns : 0;
    *rows = is_open ? (uint16_t)emulator.grid.rows : 0;
}

size_t screen_take_replies(char *buffer, size_t size)
{
    return is_open ? emulator_take_replies(&emulator, buffer, size) : 0;
}

bool screen_cursor_keys_are_application(void)
{
    return is_open && emulator.cursor_keys_are_application;
}
