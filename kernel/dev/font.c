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
#define PAGE_SIZE_LOG 8u // code points are looked up by page
#define PAGE_LIMIT 32u
#define NO_GLYPH 0xffffu

static const uint8_t *glyphs;
static const uint8_t *table; // 16-bit little-endian entries
static size_t table_entries;
static uint16_t glyph_count;
static uint16_t unknown;
// Of the basic plane: which page holds 256 code points' glyphs. Page 0 is the one without any.
static uint8_t page_of[256];
static uint16_t pages[PAGE_LIMIT][1u << PAGE_SIZE_LOG];
static uint32_t page_count;

static uint16_t read_entry(size_t index)
{
    return (uint16_t)(table[2 * index] | table[2 * index + 1] << 8);
}

static uint32_t new_page(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(pages[0]); i++)
        pages[page_count][i] = NO_GLYPH;
    return page_count++;
}

// The first glyph for a code point is the one. A font with more pages than there are loses some.
static void enter_glyph(uint16_t code_point, uint16_t glyph)
{
    uint8_t *page = &page_of[code_point >> PAGE_SIZE_LOG];

    if (*page == 0 && page_count < PAGE_LIMIT)
        *page = (uint8_t)new_page();
    uint16_t *entry = &pages[*page][code_point & (ARRAY_SIZE(pages[0]) - 1)];
    if (*page != 0 && *entry == NO_GLYPH)
        *entry = glyph;
}

static void read_table(void)
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
        } else if (!in_sequence) {
            enter_glyph(entry, glyph);
        }
    }
}

static uint16_t find_or(uint32_t code_point, uint16_t otherwise)
{
    if (code_point > 0xffff)
        return otherwise;
    uint16_t glyph = pages[page_of[code_point >> PAGE_SIZE_LOG] % PAGE_LIMIT]
                          [code_point & (ARRAY_SIZE(pages[0]) - 1)];
    return glyph == NO_GLYPH ? otherwise : glyph;
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

    for (size_t i = 0; i < ARRAY_SIZE(page_of); i++)
        page_of[i] = 0;
    page_count = 0;
    (void)new_page();
    read_table();
    // Without a table, or for what it lacks, the ASCII order that all console fonts keep.
    for (uint16_t i = ' '; i < 0x7f; i++)
        enter_glyph(i, i);
    unknown = find_or('?', '?');
    return true;
}

uint16_t font_find(uint32_t code_point)
{
    return find_or(code_point, unknown);
}

const uint8_t *font_glyph(uint16_t glyph)
{
    return glyphs + (size_t)(glyph < glyph_count ? glyph : 0) * GLYPH_HEIGHT;
}
