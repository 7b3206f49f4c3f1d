// A cache of cells drawn in memory, in the framebuffer's pixels, from which they are copied. Used
// by canvas.c under the log lock.
#pragma once

#include "boot_info.h"
#include "dev/emulator_grid.h"
#include "dev/font.h"

#define CELL_IMAGE_WORDS 16384u // 256 images of 32 bits a pixel, 128 of double size
#define CELL_IMAGE_LIMIT 512u   // as many fit at 16 bits a pixel

struct cell_images {
    uint32_t scale;                       // each dot of the font is scale x scale pixels
    uint32_t pixel_bytes;                 // 2, 3 or 4
    uint32_t line_words;                  // 64-bit words of one line of pixels of a cell
    uint32_t entry_mask;                  // number of entries - 1
    uint32_t drawn;                       // how often an image was drawn
    emulator_cell tags[CELL_IMAGE_LIMIT]; // what an entry shows; 0: nothing
    uint16_t lit_lines[CELL_IMAGE_LIMIT]; // a bit for each line that is not all black
    // An entry has GLYPH_HEIGHT lines of line_words; each is to be shown `scale` times.
    uint64_t words[CELL_IMAGE_WORDS];
};
extern struct cell_images cell_images;

// Chooses the shape; false when the framebuffer's format is unknown.
must_check bool cell_images_init(const struct boot_framebuffer *framebuffer, uint32_t scale);
// A panic may have left an image half drawn.
void cell_images_forget(void);
void cell_images_draw(uint32_t entry, emulator_cell cell);

// Where the image of a cell is kept; in each half of the result for each half of the argument.
// Characters of the same attributes have different entries if they differ in their low seven bits,
// as ASCII does.
static inline uint64_t cell_images_hash(uint64_t two_cells)
{
    return two_cells ^ two_cells >> 9 ^ two_cells >> 15;
}

static inline uint32_t cell_images_entry(uint32_t hash)
{
    return hash & cell_images.entry_mask;
}

// The entry that shows the cell, until another one takes its place.
static inline uint32_t cell_images_find(emulator_cell cell)
{
    uint32_t entry = cell_images_entry((uint32_t)cell_images_hash(cell));

    if (cell_images.tags[entry] != cell)
        cell_images_draw(entry, cell);
    return entry;
}
