// How the tour looks: plain text of 78 columns, bold and colour only on a terminal.
#pragma once

#include "rows.h"
#include "tour.h"

void output_init(void);
// Runs one scene with its heading, text and verdict line.
enum outcome scene_run(size_t index);

// The chapter's table, a line per step, in the columns of rows.h. Text is cut at its column's
// width.
void table_head(void);
// `ns`: time since the table's first step; TIME_UNKNOWN for a step that nobody recorded.
#define TIME_UNKNOWN UINT64_MAX
void table_row(enum column column, uint64_t ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
