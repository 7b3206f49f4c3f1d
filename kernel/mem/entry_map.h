// The tables that ring 3 runs on with page-table isolation (cpu/isolation.h): each space's root has
// a companion, whose user half leads to the same tables and whose kernel half maps the entry area
// alone. What that half leads to is one tree for all, made at boot.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

// Makes the tree, with entry code, IDT and the boot CPU's tables. After the takeover of the
// kernel's half, before the first root is made. Does nothing without isolation, nor do the others.
void entry_map_init(void);
// Adds a further CPU's tables and entry page; at boot, before it is started. False: no memory.
must_check bool entry_map_add_cpu(struct percpu *cpu);
// Takes them out again: of a CPU that did not come. Before any program runs, so that no TLB has
// them.
void entry_map_remove_cpu(struct percpu *cpu);

// For page_table.c: enters the entry area in a companion.
void entry_map_fill_root(uint64_t *table);
