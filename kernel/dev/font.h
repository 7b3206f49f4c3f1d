// The 8 x 16 bitmap font of the screen: PSF1 with its Unicode table. Read-only after font_init().
#pragma once

#include "lib/types.h"

#define GLYPH_WIDTH 8u
#define GLYPH_HEIGHT 16u

// Checks the font; false when it is not a PSF1 font of this size.
must_check bool font_init(const uint8_t *file, size_t size);
// The glyph for a code point; that of '?' when the font has none.
uint16_t font_find(uint32_t code_point);
// GLYPH_HEIGHT bytes, one a line, leftmost pixel in bit 7.
const uint8_t *font_glyph(uint16_t glyph);
