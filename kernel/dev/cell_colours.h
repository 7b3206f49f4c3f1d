// Colours and attributes of text: the sixteen colours, and what SGR makes of a pen. Pure.
#pragma once

#include "dev/emulator_grid.h"

extern const uint32_t cell_palette[16]; // 0xRRGGBB

// The pen after `CSI parameters m`.
emulator_cell cell_change_pen(emulator_cell pen, const uint32_t *parameters, uint32_t count);
// Which two of the sixteen a cell shows: bold is bright, dim is dark, blinking has a bright
// background, reverse swaps.
void cell_colours(emulator_cell cell, uint32_t *foreground, uint32_t *background);
