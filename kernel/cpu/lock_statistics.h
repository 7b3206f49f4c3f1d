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
// Entry `index` as it is now; false when there are not so many. The order stays the same.
must_check bool lock_statistics_get(uint32_t index, struct lock_statistics *statistics);
