// A machine that has nothing but clocks: a TSC, a local APIC in x2APIC mode with its timer, an
// HPET, an ACPI PM timer, a PIT. Time passes only while the kernel's code reads or writes one of
// them.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cpu/clock.h"

#define FS_PER_MS 1000000000000ull
#define PM_TIMER_PORT 0x608u

// A counter of the fake machine, and what is wrong with it.
struct fake_clock {
    uint64_t period_fs;
    int64_t fast_ppm;       // counts this much too fast,
    uint64_t fast_until_fs; // until then
    uint64_t stops_at_fs;   // no count from then on
    uint64_t access_fs;     // how long a read takes
    uint64_t elapsed_fs;    // by its own measure
    uint64_t first;         // where the count begins
    bool runs;
};

struct fake_clocks {
    struct fake_clock tsc, lapic, hpet, pm_timer, pit;
    uint64_t now_fs;
    uint64_t pause_fs;       // so long the CPU is away, while its clocks go on,
    uint32_t pause_every;    // at every so manieth half of an access; 0: never
    uint32_t pm_timer_mask;  // the bits that it has
    uint32_t hpet_period_fs; // as it states it
    uint64_t apic_base;      // the MSR
    uint8_t port_61;
    uint32_t hpet_reads, pm_timer_reads, pit_reads;
};

extern struct fake_clocks fake_clocks;

// All clocks are right; none but TSC and LAPIC timer runs before it is started, unless hardware
// does so. What the machine's tables would say goes to `sources`.
void fake_clocks_start(struct clock_sources *sources, uint64_t tsc_hz, uint64_t lapic_hz);
// The last line reported since the start, "" for none; and how many.
const char *fake_clocks_last_report(void);
uint32_t fake_clocks_report_count(void);
