// A framebuffer as a grid of character cells, and what each cell shows now. It is only written to,
// never read. Used by screen.c under the log lock.
#pragma once

#include "boot_info.h"
#include "dev/emulator_grid.h"

// Clears the framebuffer and tells how many cells it has, within the emulator's limits. False when
// its description makes no sense or its format is unknown, or there is no room for a cell.
must_check bool canvas_init(const struct boot_framebuffer *framebuffer, volatile void *pixels,
                            uint32_t *columns, uint32_t *rows);
// Bytes of memory that say what the cells show.
size_t canvas_shadow_size(void);
// Nothing is known about what is shown: panic.
void canvas_forget(void);
// Shows a row's cells from `*column` on, until its end or until `cost` is used up: words stored and
// cells looked at. Moves `*column` to where it stopped and returns the cost that is left.
uint32_t canvas_draw_row(uint32_t row, const emulator_cell *cells, uint32_t *column, uint32_t cost);
