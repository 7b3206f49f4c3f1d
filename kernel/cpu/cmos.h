// The battery clock of the PC, read once at boot for the date.
#pragma once

#include "lib/types.h"

// The registers as they are read; `status_b` says how they are coded.
struct cmos_date {
    uint8_t second, minute, hour, day, month, year;
    uint8_t status_b;
};

// Pure: seconds since 1970, taking the clock for UTC and the century from the year; 0 when a field
// is impossible.
uint64_t cmos_unix_seconds(struct cmos_date date);
// Reads the clock; 0 when there is none or its date is impossible.
uint64_t cmos_read_unix_seconds(void);
