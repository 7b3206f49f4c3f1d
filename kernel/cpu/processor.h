// Wakes further CPUs, one after the other: INIT, start-up IPI, the trampoline, then C. Boot CPU
// only.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

// What a CPU that is started needs before its first C instruction.
struct processor_start {
    uint32_t apic_id;
    struct percpu *cpu; // canary, kernel_stack_top and tables set
    uint64_t stack_top;
    // Called there with interrupts off, on `stack_top`, GS at `cpu`, the kernel's root loaded.
    void (*entry)(struct percpu *cpu);
};

// Lays out TRAMPOLINE_PAGES free pages below 640 KiB, mapped in the direct map and kept for ever.
// `kernel_root` is the root in use; the trampoline's own shares its kernel half.
void processor_trampoline_init(uint64_t page, phys_addr kernel_root, uint64_t pat);
// INIT: the CPU stops whatever the firmware left it with. Wait 10 ms before the first start.
void processor_reset(uint32_t apic_id);
// True: it is on its way to `entry`, if it is fit. False: it did not answer in seconds; whatever it
// does later, it never leaves the trampoline.
must_check bool processor_start(const struct processor_start *start);
// The one that came lacks long mode or NX, and rests in the trampoline.
bool processor_is_unfit(void);
// For a test: a start-up IPI to a CPU that is not expected.
void processor_start_unexpected(uint32_t apic_id);
// CPUs that came when nobody wanted them (any more).
uint32_t processors_turned_away(void);
