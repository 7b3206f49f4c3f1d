// Structures that the kernel copies out: what is not a field is zero or is not written, and nothing
// is written behind the end.
#pragma once

#include "attempt.h"

struct field {
    uint16_t offset, size;
};

struct copied {
    long (*call)(void *buffer); // negative: -errno; -ENOSYS: there is no such thing here
    size_t size;
    struct field fields[24]; // none: all of it is
};

// The `run` of an attempt whose argument is a struct copied.
int run_copied(const struct attempt *attempt);
int run_dirents(const struct attempt *attempt);
int run_signal_frame(const struct attempt *attempt);
