// The boot CPU's per-CPU area, and the table of all. start.S loads GS with the former before any C
// code runs.
#include "cpu/percpu.h"

struct percpu boot_percpu = {
    .self = &boot_percpu,
    .canary = 0x9e3779b97f4a7c00, // until random numbers exist; the low byte stops strings
};

struct percpu *percpu_table[CPU_LIMIT] = { &boot_percpu };
atomic_uint percpu_count = 1;
