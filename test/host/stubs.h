// What tests can see of the stubs.
#pragma once

#include <stdint.h>

struct fake_cpu {
    uint64_t cr3;
    uint64_t cr4;
    uint32_t msr_number; // of the last write
    uint64_t msr_value;
    uint64_t global_flushes;
    uint64_t invalidations;
    uint64_t last_invalidated;
};

extern struct fake_cpu fake_cpu;
extern char log_last_line[512];
