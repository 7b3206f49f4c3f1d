// `measure -j`: the loop of one row by several processes at once, each pinned to a CPU of its own
// and with nothing that the others use; how long all took, and what the kernel counted meanwhile.
#pragma once

#include "measure.h"

#define JOB_LIMIT 64u

// `jobs` processes, job i on CPU i modulo the CPUs, each at least `turns` times the row's loop,
// after one that warms up, until all have. Prints the lines that main.c describes; false when the
// row failed.
bool jobs_measure(const struct row *row, unsigned jobs, long turns);
