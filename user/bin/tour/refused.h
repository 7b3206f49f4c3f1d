// A child that does one forbidden thing, and what the kernel made of it; for scenes 3, 4 and 9.
#pragma once

#include "events.h"

struct forbidden {
    const char *what;
    int (*act)(void *);
    void *argument;
    const char *instruction; // its address
    unsigned vector;         // the exception that it must raise
    uint64_t address;        // page fault: the address it must name
};

// Runs it in a child named A and claims what must be so. With `show`, the table of its end.
void refused_run(const struct forbidden *forbidden, bool show);
