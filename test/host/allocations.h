// Watches the kernel's allocations: exact counts, sanitized objects, failures on demand.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct allocations {
    int64_t live;          // objects and blocks, not frames
    uint64_t fail_after;   // so many more succeed, then all fail; ALLOCATIONS_NEVER_FAIL
    unsigned fail_percent; // fail at random
    bool fail_once;        // only the first one after fail_after
    bool failed;           // one has failed; the test clears it
};

#define ALLOCATIONS_NEVER_FAIL UINT64_MAX

extern struct allocations allocations;

// From here on in this case, objects and blocks of memory come from the C library, so that ASan
// watches each, and frames as ever. All can fail.
void allocations_watch(void);
