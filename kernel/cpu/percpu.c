// The boot CPU's per-CPU area. start.S loads GS with it before any C code runs.
#include "cpu/percpu.h"

struct percpu boot_percpu = {
    .self = &boot_percpu,
    .canary = 0x9e3779b97f4a7c00, // until random numbers exist; the low byte stops strings
};
