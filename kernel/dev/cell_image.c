// Draws cells in memory: glyph, underline, colours in the framebuffer's format. The cache is looked
// up by the cell itself, so that text on the move is only copied. Called by canvas.c. Invariant: an
// image whose tag is set is complete.
#include "dev/cell_image.h"

#include "dev/cell_colours.h"

#define UNDERLINE_LINE 14u

struct cell_images cell_images;
static uint32_t palette[16]; // as pixels; black is 0

// Eight bits of a colour in the field that a mask describes, whatever its width and place.
static uint32_t scale_to_mask(uint32_t mask, uint32_t value)
{
    if (mask == 0)
        return 0;
    uint32_t shift = (uint32_t)__builtin_ctz(mask);
    uint64_t highest = mask >> shift;
    return (uint32_t)((highest * value + 127) / 255) << shift & mask;
}

static bool fill_palette(const struct boot_framebuffer *framebuffer)
{
    uint32_t red = framebuffer->red_mask, green = framebuffer->green_mask;
    uint32_t blue = framebuffer->blue_mask;

    if (framebuffer->format == BOOT_PIXEL_RGBX) {
        red = 0x0000ff, green = 0x00ff00, blue = 0xff0000;
    } else if (framebuffer->format == BOOT_PIXEL_BGRX) {
        red = 0xff0000, green = 0x00ff00, blue = 0x0000ff;
    } else if (framebuffer->format != BOOT_PIXEL_MASKS || (red | green | blue) == 0) {
        return false;
    }
    for (uint32_t i = 0; i < 16; i++)
        palette[i] = scale_to_mask(red, cell_palette[i] >> 16) |
                     scale_to_mask(green, cell_palette[i] >> 8 & 0xff) |
                     scale_to_mask(blue, cell_palette[i] & 0xff);
    return true;
}

bool cell_images_init(const struct boot_framebuffer *framebuffer, uint32_t scale)
{
    struct cell_images *images = &cell_images;
    uint32_t entries = CELL_IMAGE_LIMIT;

    if (!fill_palette(framebuffer))
        return false;
    images->scale = scale;
    images->pixel_bytes = boot_pixel_bytes(framebuffer);
    images->line_words = images->pixel_bytes * scale * GLYPH_WIDTH / sizeof(uint64_t);
    while (entries * images->line_words * GLYPH_HEIGHT > CELL_IMAGE_WORDS)
        entries /= 2;
    images->entry_mask = entries - 1;
    cell_images_forget();
    return true;
}

void cell_images_forget(void)
{
    for (uint32_t i = 0; i < CELL_IMAGE_LIMIT; i++)
        cell_images.tags[i] = 0;
}

// Pixels follow each other in memory from the lowest bit of a word on. Returns whether any is lit.
static bool draw_line(uint64_t *words, uint32_t bits, uint32_t foreground, uint32_t background)
{
    uint32_t width = GLYPH_WIDTH * cell_images.scale, pixel_bits = cell_images.pixel_bytes * 8;
    uint32_t filled = 0;
    uint64_t word = 0, lit = 0;

    for (uint32_t x = 0; x < width; x++) {
        bool is_front = bits >> (GLYPH_WIDTH - 1 - x / cell_images.scale) & 1;
        uint64_t pixel = is_front ? foreground : background;
        lit |= pixel;
        word |= pixel << filled;
        filled += pixel_bits;
        if (filled < 64)
            continue;
        *words++ = word;
        filled -= 64;
        word = filled > 0 ? pixel >> (pixel_bits - filled) : 0;
    }
    return lit != 0;
}

static void draw_lines(uint32_t entry, emulator_cell cell)
{
    uint64_t *words = &cell_images.words[entry * cell_images.line_words * GLYPH_HEIGHT];
    const uint8_t *glyph = font_glyph(font_find(cell & CELL_CODE_POINT));
    uint32_t foreground, background, lit_lines = 0;

    cell_colours(cell, &foreground, &background);
    for (uint32_t y = 0; y < GLYPH_HEIGHT; y++, words += cell_images.line_words) {
        bool underlined = y == UNDERLINE_LINE && (cell & CELL_UNDERLINE);
        bool is_lit = draw_line(words, underlined ? 0xff : glyph[y], palette[foreground & 15],
                                palette[background & 15]);
        lit_lines |= (uint32_t)is_lit << y;
    }
    cell_images.lit_lines[entry] = (uint16_t)lit_lines;
}

void cell_images_draw(uint32_t entry, emulator_cell cell)
{
    cell_images.drawn++;
    cell_images.tags[entry] = 0;
    __asm__ volatile("" ::: "memory");
    draw_lines(entry, cell);
    __asm__ volatile("" ::: "memory");
    cell_images.tags[entry] = cell;
}
