// What the kernel counts: live objects, and failures injected.
#pragma once

#include "failwalk.h"

#define LIVE_LIMIT 160u
#define LIVE_NAME_SIZE 40u

struct live {
    unsigned count;
    struct {
        char name[LIVE_NAME_SIZE];
        long value;
    } entries[LIVE_LIMIT];
};

void live_read(struct live *live);
// The highest of each count within a moment, in which others may come and go.
void live_read_highest(struct live *live);
// Waits until no count is above what it was; false: one stays so, and which.
// Of memory, `own_pages` may have become the caller's own.
bool live_settle(const struct live *before, char *difference, size_t size, long own_pages);
uint64_t live_injected(void);
// Where the last failure was.
const char *live_last_failure(char *buffer, size_t size);
