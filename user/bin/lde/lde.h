// lde: a program's run as the chapter's table of limited direct execution, from the kernel's own
// recorded events. The parts of the program.
#pragma once

#include <stdio.h>

#include "rows.h"

// How the run went, as lde itself saw it.
struct run {
    uint64_t begin_tsc, end_tsc; // its own readings around the whole
    pid_t own_pid, pid;
    int status;              // wait status
    int exec_errno;          // 0: the program ran
    const char *events_path; // where the events go as well; NULL: nowhere
};

// names.c: calls the program A and whom it forks B, C, ...; prints who they are.
void names_give(FILE *out, const struct ring *ring, const struct run *run);

// table.c: the table of the boot, then that of the run. True when its costs add up to the whole.
void table_print_boot(FILE *out, const struct ring *ring);
bool table_print_run(FILE *out, const struct ring *ring, const struct run *run, bool unfolded);

// fold.c: how often the `*period` events from `first` on come again at once, in the same order with
// the same meaning; 0: not often enough to be worth a word.
size_t fold_find(const struct trace_event *events, size_t first, size_t count, size_t *period);
