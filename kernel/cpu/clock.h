// Time: the TSC, calibrated at boot against a second clock and cross-checked with a third where the
// machine has one. Units are in the names. Any context after clock_init().
#pragma once

#include "lib/types.h"

// Reference clocks, as ACPI describes them. Zero or NULL means the machine has none.
struct clock_sources {
    volatile void *hpet;    // uncached mapping of the HPET
    uint16_t pm_timer_port; // ACPI PM timer
    bool pm_timer_is_32_bit;
    bool has_pit;       // legacy 8254 present
    uint64_t stated_hz; // of TSC and LAPIC timer alike: nothing is measured; 0: unknown
};

// Calibrates the TSC and the LAPIC timer with windows of a millisecond, retries when two clocks
// disagree, and gives every wait a time-out. Panics with a plain sentence when no clock works.
// `tsc_at_start` is the TSC value that counts as time zero.
void clock_init(const struct clock_sources *sources, uint64_t tsc_at_start);
// Nanoseconds since the kernel took over. Monotone on one CPU. 0 before clock_init().
uint64_t clock_now_ns(void);
// The same, read after every earlier load: never less than a reading that this program or, by
// memory, another CPU's has seen. For what programs are told.
uint64_t clock_now_ordered_ns(void);
uint64_t clock_ns_from_tsc(uint64_t tsc_value);      // of an absolute TSC reading
uint64_t clock_tsc_from_ns(uint64_t deadline_ns);    // the inverse
uint64_t clock_ticks_to_ns(uint64_t tsc_difference); // of a difference
uint64_t clock_ns_to_ticks(uint64_t duration_ns);    // the inverse, rounded up
uint64_t clock_tsc_hz(void);
// How long clock_init() took, which is waiting for the clocks that it compared.
uint64_t clock_init_ns(void);
// Name of the clock that the TSC was calibrated against.
const char *clock_reference_name(void);
// Wall clock: seconds since 1970 at kernel time zero, read once from the CMOS clock.
uint64_t clock_boot_unix_seconds(void);
// What a program needs to compute clock_now_ns() itself (vm/vdso.c).
uint64_t clock_start_tsc(void);
uint64_t clock_ns_per_tick_scaled(void); // << CLOCK_SCALE_SHIFT
// Spins, for hardware that wants a delay. Interrupts may be in any state.
void clock_spin_ns(uint64_t duration_ns);
