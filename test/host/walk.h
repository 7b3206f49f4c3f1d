// A page-table walk of its own, so that what the kernel builds is not checked by the code that
// built it.
#pragma once

#include "lib/types.h"

struct walk_result {
    bool mapped;
    uint64_t physical;
    uint64_t entry;                  // of the last level
    uint64_t size;                   // of the page
    bool user, writable, executable; // over all levels
};

struct walk_result walk_tables(phys_addr root, uint64_t address);
