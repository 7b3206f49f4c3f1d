// The kernel's event rings, as scenes show them: user/lib/ring.h with claims, and the rows of
// user/lib/rows.h in the tour's table.
#pragma once

#include "output.h"
#include "ring.h"

// ring_load(); false, with a failed claim, when nothing is recorded.
bool ring_read(struct ring *ring, uint64_t since_tsc);
// The names of the threads in tables: each scene calls its programs A, B.
void ring_forget_names(void);
void ring_name(uint32_t thread, const char *name);
// Rows for the events first .. last of the named threads. Prints the table's head.
void ring_show(const struct ring *ring, size_t first, size_t last);
