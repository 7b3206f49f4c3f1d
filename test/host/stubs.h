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

// What a CPU's TLB would be told; NULL: nobody listens. Tests that have several CPUs put each one's
// registers into fake_cpu.
struct fake_tlb {
    void (*load)(uint64_t cr3); // as written
    void (*drop_page)(uint64_t address);
    void (*drop_all)(void);
};

struct fake_ports {
    uint8_t (*read)(uint16_t port);
    void (*write)(uint16_t port, uint8_t value);
    uint32_t (*read32)(uint16_t port);
};

// A device's registers in memory.
struct fake_device {
    uint32_t (*read32)(const volatile void *address);
    void (*write32)(volatile void *address, uint32_t value);
};

// NULL: writes go to fake_cpu, and nothing can be read.
struct fake_msrs {
    uint64_t (*read)(uint32_t number);
    void (*write)(uint32_t number, uint64_t value);
};

extern struct fake_cpu fake_cpu;
extern struct fake_ports fake_ports;
extern struct fake_device fake_device;
extern struct fake_msrs fake_msrs;
extern uint64_t (*fake_tsc)(void); // NULL: one more each time
extern struct fake_tlb fake_tlb;
extern char log_last_line[512];
