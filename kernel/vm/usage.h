// What an address space holds, for /proc.
#pragma once

#include "vm/address_space.h"

// In pages.
struct address_space_usage {
    uint64_t mapped, resident;
    uint64_t resident_file, resident_shared; // of resident: pages of files; of memory shared
    uint64_t stack, data;                    // mapped: what grows down; other private and writable
};
// Takes the mutex inside; passes preemption points.
void address_space_measure(struct address_space *space, struct address_space_usage *usage);
