// What the kernel tells the vDSO, at the end of the vDSO's page, which programs can only read.
// Filled in before the first program runs; later only tsc_trusted changes, once, to 0, so that no
// sequence count is needed.
#pragma once

#include <stdint.h>

#define VDSO_PAGE_SIZE 4096
#define VDSO_DATA_OFFSET 4032 // the object itself ends below
#define VDSO_SCALE_SHIFT 56
#define VDSO_CPU_NUMBER_SELECTOR 0x3b // a data segment whose limit is the number of the CPU

struct vdso_data {
    uint32_t tsc_trusted; // 0: the system call knows the time, the TSC alone does not
    uint32_t has_rdtscp;
    uint32_t has_rdpid;
    uint32_t reserved;
    uint64_t start_tsc;         // the TSC at kernel time 0
    uint64_t ns_per_tick;       // << VDSO_SCALE_SHIFT
    uint64_t boot_unix_seconds; // the date at kernel time 0
};

_Static_assert(sizeof(struct vdso_data) <= VDSO_PAGE_SIZE - VDSO_DATA_OFFSET, "fits behind");
