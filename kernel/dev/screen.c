// The screen: a grid of character cells, once as wanted and once as shown, drawn where they differ.
// Owned by the log, whose lock serialises; panic may break in anywhere, so every index is checked
// where it is used. Invariant: cells of a row left of first_stale are shown as wanted.
#include "dev/screen.h"

#include "cpu/registers.h"
#include "dev/font.h"

#define COLUMN_LIMIT 480u
#define ROW_LIMIT 135u
#define BYTES_PER_PIXEL 4u
#define DOUBLE_SIZE_WIDTH 2560u
#define SIDE_LIMIT 65535u // pixels
#define BRIGHTNESS 0xc0u  // of 255: light grey on black
#define REPLACEMENT 0xfffdu
#define TAB_WIDTH 8u

#define DRAW_RUN_LIMIT 8u // neighbouring cells drawn at once
#define DRAW_COST 16u     // of drawing a cell, in cells compared
#define PIECE_COST 128u   // of one screen_draw(), but for the last run

extern const uint8_t screen_font_start[], screen_font_end[];

static struct {
    volatile uint8_t *pixels; // NULL: no screen
    size_t line_bytes;
    uint32_t scale;
    uint32_t columns, rows;
    uint64_t pixel_pairs[4]; // two neighbouring pixels, for two bits of a glyph
    uint32_t column, row;    // where the next character goes
    uint32_t top;            // row of `wanted` that is the screen's first
    uint32_t code_point;     // UTF-8 being put together
    uint32_t bytes_missing;
    uint16_t blank;
} screen;

static uint16_t wanted[ROW_LIMIT][COLUMN_LIMIT]; // glyphs; a ring of rows that starts at `top`
static uint16_t shown[ROW_LIMIT][COLUMN_LIMIT];  // glyphs; in the order of the screen
static uint16_t first_stale[ROW_LIMIT];          // by row of the screen; `columns` when none is

// Grey in a field of the pixel, whatever its width and place.
static uint32_t fill_mask(uint32_t mask)
{
    if (mask == 0)
        return 0;
    uint32_t shift = (uint32_t)__builtin_ctz(mask);
    uint64_t highest = mask >> shift;
    return (uint32_t)(highest * BRIGHTNESS / 255) << shift;
}

static bool choose_colour(const struct boot_framebuffer *framebuffer, uint32_t *foreground)
{
    if (framebuffer->format == BOOT_PIXEL_RGBX || framebuffer->format == BOOT_PIXEL_BGRX) {
        *foreground = BRIGHTNESS << 16 | BRIGHTNESS << 8 | BRIGHTNESS;
        return true;
    }
    if (framebuffer->format != BOOT_PIXEL_MASKS)
        return false;
    *foreground = fill_mask(framebuffer->red_mask) | fill_mask(framebuffer->green_mask) |
                  fill_mask(framebuffer->blue_mask);
    return *foreground != 0;
}

// The firmware's picture goes, margins included.
static void clear_pixels(uint32_t width, uint32_t height)
{
    for (uint32_t y = 0; y < height; y++) {
        volatile uint32_t *line = (volatile uint32_t *)(screen.pixels + y * screen.line_bytes);
        for (uint32_t x = 0; x < width; x++)
            line[x] = 0;
    }
}

static void make_grid(uint32_t width, uint32_t height)
{
    screen.scale = width >= DOUBLE_SIZE_WIDTH ? 2 : 1;
    screen.columns = min_of(width / (GLYPH_WIDTH * screen.scale), COLUMN_LIMIT);
    screen.rows = min_of(height / (GLYPH_HEIGHT * screen.scale), ROW_LIMIT);
    screen.blank = font_find(' ');
    for (uint32_t row = 0; row < screen.rows; row++) {
        first_stale[row] = (uint16_t)screen.columns;
        for (uint32_t column = 0; column < screen.columns; column++)
            wanted[row][column] = shown[row][column] = screen.blank;
    }
}

bool screen_init(const struct boot_framebuffer *framebuffer, volatile void *pixels)
{
    uint64_t line_bytes = (uint64_t)framebuffer->stride * BYTES_PER_PIXEL;
    uint32_t foreground;

    if (!pixels || framebuffer->width == 0 || framebuffer->stride < framebuffer->width ||
        framebuffer->stride > SIDE_LIMIT || framebuffer->height > SIDE_LIMIT ||
        framebuffer->size < line_bytes * framebuffer->height || // also: fewer bytes per pixel
        !choose_colour(framebuffer, &foreground) ||
        !font_init(screen_font_start, (size_t)(screen_font_end - screen_font_start)))
        return false;
    make_grid(framebuffer->width, framebuffer->height);
    if (screen.columns == 0 || screen.rows == 0)
        return false;
    screen.line_bytes = line_bytes;
    screen.pixel_pairs[1] = (uint64_t)foreground << 32; // bit 0 of the index is the right pixel
    screen.pixel_pairs[2] = foreground;
    screen.pixel_pairs[3] = (uint64_t)foreground << 32 | foreground;
    screen.pixels = pixels;
    clear_pixels(framebuffer->width, framebuffer->height);
    return true;
}

static uint16_t *wanted_row(uint32_t row)
{
    return wanted[(screen.top + row) % screen.rows];
}

static void start_line(void)
{
    screen.column = 0;
    if (screen.row + 1 < screen.rows) {
        screen.row++;
        return;
    }
    screen.top = (screen.top + 1) % screen.rows;
    uint16_t *last = wanted_row(screen.row);
    for (uint32_t column = 0; column < screen.columns; column++)
        last[column] = screen.blank;
    for (uint32_t row = 0; row < screen.rows; row++)
        first_stale[row] = 0;
}

static void put_glyph(uint16_t glyph)
{
    if (screen.column >= screen.columns)
        start_line();
    wanted_row(screen.row)[screen.column] = glyph;
    if (screen.column < first_stale[screen.row])
        first_stale[screen.row] = (uint16_t)screen.column;
    screen.column++;
}

static void put_character(uint32_t code_point)
{
    if (code_point == '\n') {
        start_line();
    } else if (code_point == '\r') {
        screen.column = 0;
    } else if (code_point == '\t') {
        do
            put_glyph(screen.blank);
        while (screen.column % TAB_WIDTH != 0 && screen.column < screen.columns);
    } else if (code_point >= ' ' && code_point != 0x7f) {
        put_glyph(font_find(code_point));
    }
}

// Puts UTF-8 together. A byte that does not fit shows as a replacement character, and what it
// begins is still read.
static void take_byte(uint8_t byte)
{
    bool continues = (byte & 0xc0) == 0x80;

    if (screen.bytes_missing > 0 && continues) {
        screen.code_point = screen.code_point << 6 | (byte & 0x3f);
        if (--screen.bytes_missing == 0)
            put_character(screen.code_point);
        return;
    }
    if (screen.bytes_missing > 0 || continues)
        put_character(REPLACEMENT);
    screen.bytes_missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    screen.code_point = byte & (0x3fu >> screen.bytes_missing);
    if (byte < 0x80)
        put_character(byte);
}

void screen_write(const char *text, size_t length)
{
    if (!screen.pixels)
        return;
    for (size_t i = 0; i < length; i++)
        take_byte((uint8_t)text[i]);
}

// One pixel line of one glyph: 64-bit stores, as a write-combining buffer likes them.
static volatile uint64_t *draw_glyph_line(volatile uint64_t *pixels, uint8_t bits)
{
    if (screen.scale == 1) {
        for (int shift = 6; shift >= 0; shift -= 2)
            *pixels++ = screen.pixel_pairs[bits >> shift & 3];
        return pixels;
    }
    for (int shift = 7; shift >= 0; shift--)
        *pixels++ = screen.pixel_pairs[bits >> shift & 1 ? 3 : 0];
    return pixels;
}

// Neighbouring cells of a row, pixel line by pixel line.
static void draw_run(uint32_t row, uint32_t column, uint32_t count)
{
    const uint16_t *cells = wanted_row(row) + column;
    size_t left = (size_t)column * GLYPH_WIDTH * screen.scale * BYTES_PER_PIXEL;

    for (uint32_t y = 0; y < GLYPH_HEIGHT * screen.scale; y++) {
        size_t line = ((size_t)row * GLYPH_HEIGHT * screen.scale + y) * screen.line_bytes;
        volatile uint64_t *pixels = (volatile uint64_t *)(screen.pixels + line + left);
        for (uint32_t i = 0; i < count; i++)
            pixels = draw_glyph_line(pixels, font_glyph(cells[i])[y / screen.scale]);
    }
    for (uint32_t i = 0; i < count; i++)
        shown[row][column + i] = cells[i];
}

// Goes on in one row: over cells that are right, then at most one run of cells that are not.
static uint32_t draw_in_row(uint32_t row)
{
    const uint16_t *cells = wanted_row(row);
    uint32_t start = first_stale[row];

    while (start < screen.columns && cells[start] == shown[row][start])
        start++;
    uint32_t end = start;
    while (end < screen.columns && end - start < DRAW_RUN_LIMIT && cells[end] != shown[row][end])
        end++;
    if (end > start)
        draw_run(row, start, end - start);
    uint32_t passed = end - first_stale[row];
    first_stale[row] = (uint16_t)end;
    return passed + DRAW_COST * (end - start);
}

bool screen_draw(void)
{
    uint32_t work = 0;

    if (!screen.pixels)
        return false;
    for (uint32_t row = 0; row < screen.rows; row++) {
        while (first_stale[row] < screen.columns) {
            if (work >= PIECE_COST)
                return true;
            work += draw_in_row(row);
        }
    }
    __asm__ volatile("sfence" ::: "memory"); // out of the write-combining buffers
    return false;
}

void screen_size(uint16_t *columns, uint16_t *rows)
{
    *columns = screen.pixels ? (uint16_t)screen.columns : 0;
    *rows = screen.pixels ? (uint16_t)screen.rows : 0;
}

size_t screen_take_replies(char *buffer, size_t size)
{
    return 0;
}

bool screen_cursor_keys_are_application(void)
{
    return false;
}
