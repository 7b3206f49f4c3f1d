// Colours and attributes of text: the sixteen colours, and what SGR makes of a pen. Pure.
#pragma once

#include "dev/terminal_grid.h"

extern const uint32_t cell_palette[16]; // 0xRRGGBB

// The pen after `CSI parameters m`.
terminal_cell cell_change_pen(terminal_cell pen, const uint32_t *parameters, uint32_t count);
// Which two of the sixteen a cell shows: bold is bright, dim is dark, blinking has a bright
// background, reverse swaps.
void cell_colours(terminal_cell cell, uint32_t *foreground, uint32_t *background);
