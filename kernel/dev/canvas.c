// The framebuffer: its geometry, the cells that it shows, and the drawing of those that change, two
// neighbours at a time and only the lines of pixels that were or become lit. Called by screen.c.
// Invariant: where `shown` holds a cell, the framebuffer shows it.
#include "dev/canvas.h"

#include "dev/cell_copy.h"
#include "dev/cell_image.h"
#include "lib/string.h"

#define DOUBLE_SIZE_WIDTH 2560u
#define SIDE_LIMIT 65535u // pixels
#define UNKNOWN_CELL 0u   // in `shown`: equal to none
#define ALL_LINES 0xffffu
#define COMPARE_COST 6u
#define IMAGE_COST 1600u // of drawing an image for each scale, in words stored

extern const uint8_t screen_font_start[], screen_font_end[];

static struct {
    volatile uint8_t *pixels;
    size_t line_bytes; // from one line of pixels to the next
    uint32_t columns, rows;
} canvas;
static emulator_cell shown[EMULATOR_ROW_LIMIT][EMULATOR_COLUMN_LIMIT];
// By cell, a bit for each line of its glyph that is not all black.
static uint16_t shown_lines[EMULATOR_ROW_LIMIT][EMULATOR_COLUMN_LIMIT];

// The firmware's picture goes, margins included.
static void clear_pixels(const struct boot_framebuffer *framebuffer)
{
    size_t width = (size_t)framebuffer->width * boot_pixel_bytes(framebuffer);
    volatile uint8_t *line = canvas.pixels;

    for (uint32_t y = 0; y < framebuffer->height; y++, line += canvas.line_bytes) {
        volatile uint8_t *next = line;
        size_t words = width / 8;
        __asm__ volatile("rep stosq\n\tmov %2, %1\n\trep stosb"
                         : "+D"(next), "+c"(words)
                         : "r"(width % 8), "a"(0ull)
                         : "memory");
    }
}

static bool framebuffer_makes_sense(const struct boot_framebuffer *framebuffer)
{
    uint64_t line_bytes = (uint64_t)framebuffer->stride * boot_pixel_bytes(framebuffer);

    return framebuffer->stride >= framebuffer->width && framebuffer->stride <= SIDE_LIMIT &&
           framebuffer->height <= SIDE_LIMIT &&
           framebuffer->size >= line_bytes * framebuffer->height;
}

static void set_shown(emulator_cell cell, uint16_t lines)
{
    for (uint32_t row = 0; row < canvas.rows; row++)
        for (uint32_t column = 0; column < canvas.columns; column++) {
            shown[row][column] = cell;
            shown_lines[row][column] = lines;
        }
}

bool canvas_init(const struct boot_framebuffer *framebuffer, volatile void *pixels,
                 uint32_t *columns, uint32_t *rows)
{
    uint32_t scale = framebuffer->width >= DOUBLE_SIZE_WIDTH ? 2 : 1;

    *columns = min_of(framebuffer->width / (GLYPH_WIDTH * scale), EMULATOR_COLUMN_LIMIT);
    *rows = min_of(framebuffer->height / (GLYPH_HEIGHT * scale), EMULATOR_ROW_LIMIT);
    if (*columns == 0 || *rows == 0 || !framebuffer_makes_sense(framebuffer) ||
        !font_init(screen_font_start, (size_t)(screen_font_end - screen_font_start)) ||
        !cell_images_init(framebuffer, scale))
        return false;
    canvas.columns = *columns;
    canvas.rows = *rows;
    canvas.line_bytes = (size_t)framebuffer->stride * cell_images.pixel_bytes;
    canvas.pixels = pixels;
    clear_pixels(framebuffer);
    set_shown(CELL_DEFAULT_COLOURS | ' ', 0); // black: what a blank screen shows
    return true;
}

size_t canvas_shadow_size(void)
{
    return sizeof(shown) + sizeof(shown_lines);
}

void canvas_forget(void)
{
    cell_images_forget();
    set_shown(UNKNOWN_CELL, ALL_LINES);
}

// Images are copied by pairs of lines: how many, and which is the first. `lit_lines` is not 0.
CELL_COPY_INLINE uint32_t choose_line_pairs(uint32_t lit_lines, uint32_t *first)
{
    *first = (uint32_t)__builtin_ctz(lit_lines) / 2;
    return (uint32_t)(31 - __builtin_clz(lit_lines)) / 2 - *first + 1;
}

static void copy_image(volatile uint8_t *place, const uint64_t *image, uint32_t line_pairs)
{
    uint32_t words = cell_images.line_words;

    if (words == 4 && cell_images.scale == 1)
        cell_copy_one(4, 1, place, canvas.line_bytes, image, line_pairs);
    else if (words == 8)
        cell_copy_one(8, 2, place, canvas.line_bytes, image, line_pairs);
    else if (words == 3)
        cell_copy_one(3, 1, place, canvas.line_bytes, image, line_pairs);
    else if (words == 6)
        cell_copy_one(6, 2, place, canvas.line_bytes, image, line_pairs);
    else if (words == 2)
        cell_copy_one(2, 1, place, canvas.line_bytes, image, line_pairs);
    else if (words == 4)
        cell_copy_one(4, 2, place, canvas.line_bytes, image, line_pairs);
}

static void draw_one(uint32_t row, uint32_t column, emulator_cell cell)
{
    uint32_t entry = cell_images_find(cell), lines = cell_images.lit_lines[entry];
    uint32_t to_copy = lines | shown_lines[row][column], words = cell_images.line_words;

    if (to_copy != 0) {
        uint32_t first, count = choose_line_pairs(to_copy, &first);
        size_t line = ((size_t)row * GLYPH_HEIGHT + 2 * first) * cell_images.scale;
        copy_image(canvas.pixels + line * canvas.line_bytes + column * words * sizeof(uint64_t),
                   &cell_images.words[(entry * GLYPH_HEIGHT + 2 * first) * words], count);
    }
    shown_lines[row][column] = (uint16_t)lines;
    shown[row][column] = cell;
}

// Behind an odd number of columns lies a cell that always is as shown: nobody writes to it.
// Returns the cost of images that had to be drawn.
never_inlined static uint32_t draw_changed(uint32_t row, uint32_t column, uint64_t cells,
                                           uint64_t change)
{
    uint32_t drawn = cell_images.drawn;

    if ((uint32_t)change != 0)
        draw_one(row, column, (uint32_t)cells);
    if (change >> 32 != 0)
        draw_one(row, column + 1, (uint32_t)(cells >> 32));
    return (cell_images.drawn - drawn) * IMAGE_COST * cell_images.scale;
}

// The same through one load or store.
struct packed_struct two_cells {
    uint64_t value;
};
struct packed_struct two_line_sets {
    uint32_t value;
};

// The quick way, for two neighbours whose images are both at hand; else false.
CELL_COPY_INLINE bool draw_two(const uint32_t words, const uint32_t scale,
                               struct two_line_sets *lines, volatile uint8_t *place, uint64_t cells)
{
    const size_t pair_bytes = 2 * words * sizeof(uint64_t), image_bytes = pair_bytes * 8;
    uint64_t hash = cell_images_hash(cells);
    size_t left = cell_images_entry((uint32_t)hash);
    size_t right = cell_images_entry((uint32_t)(hash >> 32));

    if (cell_images.tags[left] != (uint32_t)cells ||
        cell_images.tags[right] != (uint32_t)(cells >> 32))
        return false;
    uint32_t lit = cell_images.lit_lines[left] | (uint32_t)cell_images.lit_lines[right] << 16;
    uint32_t to_copy = lit | lines->value;
    lines->value = lit;
    to_copy = (to_copy | to_copy >> 16) & ALL_LINES;
    if (to_copy != 0) {
        uint32_t first, count = choose_line_pairs(to_copy, &first);
        const char *images = (const char *)cell_images.words + first * pair_bytes;
        cell_copy_two(words, scale, place + first * (2 * scale * canvas.line_bytes),
                      canvas.line_bytes, (const uint64_t *)(images + left * image_bytes),
                      (const uint64_t *)(images + right * image_bytes), count);
    }
    return true;
}

CELL_COPY_INLINE uint32_t draw_row(const uint32_t words, const uint32_t scale, uint32_t row,
                                   const emulator_cell *cells, uint32_t *from, uint32_t cost)
{
    const uint32_t draw_cost = 2 * words * scale * GLYPH_HEIGHT;
    size_t column = *from & ~1u, columns = canvas.columns;
    volatile uint8_t *line = canvas.pixels + (size_t)row * GLYPH_HEIGHT * scale * canvas.line_bytes;
    struct two_cells *seen = (struct two_cells *)shown[row];
    struct two_line_sets *lines = (struct two_line_sets *)shown_lines[row];
    int64_t left = cost;

    for (; column < columns && left > 0; column += 2, left -= COMPARE_COST) {
        uint64_t wanted = ((const struct two_cells *)(cells + column))->value;
        uint64_t change = wanted ^ seen[column / 2].value;
        if (change == 0)
            continue;
        left -= draw_cost;
        if ((uint32_t)change != 0 && change >> 32 != 0 &&
            draw_two(words, scale, &lines[column / 2], line + column * words * 8, wanted))
            seen[column / 2].value = wanted;
        else
            left -= draw_changed(row, (uint32_t)column, wanted, change);
    }
    *from = (uint32_t)min_of(column, columns);
    return (uint32_t)max_of(left, (int64_t)0);
}

uint32_t canvas_draw_row(uint32_t row, const emulator_cell *cells, uint32_t *column, uint32_t cost)
{
    row = min_of(row, canvas.rows - 1);
    switch (cell_images.pixel_bytes * 10 + cell_images.scale) {
    case 41:
        return draw_row(4, 1, row, cells, column, cost);
    case 42:
        return draw_row(8, 2, row, cells, column, cost);
    case 31:
        return draw_row(3, 1, row, cells, column, cost);
    case 32:
        return draw_row(6, 2, row, cells, column, cost);
    case 21:
        return draw_row(2, 1, row, cells, column, cost);
    case 22:
        return draw_row(4, 2, row, cells, column, cost);
    default:
        *column = canvas.columns;
        return cost;
    }
}
