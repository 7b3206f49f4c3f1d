// Reads a PSF1 font: 256 or 512 glyphs, then for each a list of the code points that it shows,
// ended by 0xffff; what follows 0xfffe in a list are sequences, which are not used. Called by
// screen.c. Invariant: a glyph number given out is one of the font's.
#include "dev/font.h"

#include "lib/string.h"

#define PSF1_HEADER 4u
#define PSF1_MODE_512 1u
#define PSF1_MODE_TABLE 6u // either bit
#define LIST_END 0xffffu
#define SEQUENCE_START 0xfffeu
#define QUICK_LIMIT 256u

static const uint8_t *glyphs;
static const uint8_t *table; // 16-bit little-endian entries
static size_t table_entries;
static uint16_t glyph_count;
static uint16_t quick[QUICK_LIMIT]; // Latin-1, which is nearly everything

static uint16_t read_entry(size_t index)
{
    return (uint16_t)(table[2 * index] | table[2 * index + 1] << 8);
}

static bool search_table(uint32_t code_point, uint16_t *found)
{
    uint16_t glyph = 0;
    bool in_sequence = false;

    for (size_t i = 0; i < table_entries && glyph < glyph_count; i++) {
        uint16_t entry = read_entry(i);
        if (entry == LIST_END) {
            glyph++;
            in_sequence = false;
        } else if (entry == SEQUENCE_START) {
            in_sequence = true;
        } else if (!in_sequence && entry == code_point) {
            *found = glyph;
            return true;
        }
    }
    return false;
}

// Without a table, or for what it lacks, the ASCII order that all console fonts keep.
static uint16_t find_or(uint32_t code_point, uint16_t otherwise)
{
    uint16_t glyph = otherwise;

    search_table(code_point, &glyph);
    return glyph;
}

bool font_init(const uint8_t *file, size_t size)
{
    if (size < PSF1_HEADER || file[0] != 0x36 || file[1] != 0x04 || file[3] != GLYPH_HEIGHT)
        return false;
    glyph_count = file[2] & PSF1_MODE_512 ? 512 : 256;
    size_t bitmaps = (size_t)glyph_count * GLYPH_HEIGHT;
    if (size - PSF1_HEADER < bitmaps)
        return false;
    glyphs = file + PSF1_HEADER;
    table = glyphs + bitmaps;
    table_entries = file[2] & PSF1_MODE_TABLE ? (size - PSF1_HEADER - bitmaps) / 2 : 0;

    uint16_t unknown = find_or('?', '?');
    for (uint32_t i = 0; i < QUICK_LIMIT; i++)
        quick[i] = find_or(i, i >= ' ' && i < 0x7f ? (uint16_t)i : unknown);
    return true;
}

uint16_t font_find(uint32_t code_point)
{
    return code_point < QUICK_LIMIT ? quick[code_point] : find_or(code_point, quick['?']);
}

const uint8_t *font_glyph(uint16_t glyph)
{
    return glyphs + (size_t)(glyph < glyph_count ? glyph : 0) * GLYPH_HEIGHT;
}
