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

struct fake_ports {
    uint8_t (*read)(uint16_t port);
    void (*write)(uint16_t port, uint8_t value);
};

extern struct fake_cpu fake_cpu;
extern struct fake_ports fake_ports;
extern char log_last_line[512];
