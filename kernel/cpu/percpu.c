// The boot CPU's per-CPU area, and the table of all. start.S loads GS with the former before any C
// code runs.
#include "cpu/percpu.h"

#include "cpu/isolation.h"

// kernel.ld lays the one right below the other, and the border between them is the entry area's
// end.
struct cpu_entry_page boot_entry_page in_section(".entry.page") aligned_to(ENTRY_PAGE_SIZE);

struct percpu boot_percpu in_section(".percpu.boot") = {
    .self = &boot_percpu,
    .canary = 0x9e3779b97f4a7c00, // until random numbers exist; the low byte stops strings
};

struct percpu *percpu_table[CPU_LIMIT] = { &boot_percpu };
atomic_uint percpu_count = 1;
