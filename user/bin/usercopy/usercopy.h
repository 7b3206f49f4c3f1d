// Bad addresses of every kind, and where each may be handed to the kernel.
#pragma once

#include "program.h"

#define PAGE 4096ul

// Pages to choose addresses from; made once by main.
struct places {
    char *good;      // two pages, readable and writable; behind them nothing
    char *read_only; // one page
    char *no_access; // one page
    char *unmapped;  // nothing there
};
extern struct places places;

// Counts and prints: "ok NAME" or "BAD NAME: detail".
void report(const char *name, bool good, const char *detail);

void check_calls(void); // calls.c: every call with every bad address gives EFAULT
void check_edges(void);
void check_every_length(
    void); // edges.c: lengths, straddling, partial results, faults inside the copy
