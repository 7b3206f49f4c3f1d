// What the kernel says that it counted since it started, for rows of several jobs (jobs.c).
#pragma once

#include <stdint.h>

#define LOCK_KINDS_LIMIT 64u
#define NAME_SIZE 32u

enum count { COUNT_RES, COUNT_CAL, COUNT_TLB, COUNT_MIGRATIONS, COUNT_KINDS };

struct lock_count {
    char kind[8], name[NAME_SIZE];
    uint64_t waits, waited_ns;
};

struct counts {
    int64_t kinds[COUNT_KINDS]; // -1: this kernel does not say
    struct lock_count locks[LOCK_KINDS_LIMIT];
    unsigned lock_count;
};

void counts_read(struct counts *counts);
// Prints ` NAME COUNT` for each kind that both have.
void counts_print(const struct counts *before, const struct counts *after);
// A line for each lock that was waited for in between.
void counts_print_locks(const char *row, const struct counts *before, const struct counts *after);
