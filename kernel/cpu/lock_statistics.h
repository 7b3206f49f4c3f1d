// How often and how long locks were waited for, by name: one entry for all locks of a name. Kept by
// who had to wait, after the wait; a lock that is free costs nothing here. For /proc/lock_stat.
#pragma once

#include "lib/types.h"

enum lock_kind { LOCK_KIND_SPINLOCK, LOCK_KIND_MUTEX };

struct lock_statistics {
    enum lock_kind kind;
    const char *name;
    uint32_t rank;
    uint64_t waits;
    uint64_t ticks; // TSC, of all waits
    uint64_t longest_ticks;
};

// Somebody waited `ticks` for a lock of that name (a string constant) and has it now. Any context.
void lock_wait_noted(enum lock_kind kind, const char *name, uint32_t rank, uint64_t ticks);
// Debug builds: somebody has held such a lock for `ticks`, acquired at that code address. The name
// is told apart by where it lies. Any context.
void lock_hold_noted(enum lock_kind kind, const char *name, uint64_t ticks, uint64_t place);

struct lock_hold {
    enum lock_kind kind;
    const char *name;
    uint64_t longest_ticks; // TSC
    uint64_t place;         // who acquired it for so long
};
// Entry `index`; false when there are not so many. The order stays the same, and entries may be
// empty: their name is NULL.
must_check bool lock_hold_get(uint32_t index, struct lock_hold *hold);
// Entry `index` as it is now; false when there are not so many. The order stays the same.
must_check bool lock_statistics_get(uint32_t index, struct lock_statistics *statistics);
