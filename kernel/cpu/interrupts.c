// Interrupts off, with nesting, per CPU. Called by spinlocks and whoever needs a short stretch
// undisturbed. Invariant: depth > 0 implies interrupts are off.
#include "cpu/interrupts.h"

#include "cpu/histogram.h"
#include "cpu/percpu.h"
#include "lib/panic.h"
#include "lib/protection.h"

// An interrupt between the look at the depth and CLI leaves the depth as it was. The flags are kept
// after CLI: the interrupt writes there, too. Clang drops the segment of a memory operand.
void interrupts_off(void)
{
    uint32_t depth = percpu_field(interrupts_off_depth);

    if (depth == 0) {
        __asm__ volatile("pushfq; cli; popq %%gs:%c0"
                         :
                         : "i"(offsetof(struct percpu, flags_before_off))
                         : "memory");
        if (DEBUG_CHECKS && interrupts_were_on())
            percpu_field(interrupts_off_since) = read_tsc();
    }
    percpu_field(interrupts_off_depth) = depth + 1;
}

static void note_stretch(struct percpu *cpu, uint64_t place)
{
    uint64_t ticks = read_tsc() - cpu->interrupts_off_since;

    histogram_count(cpu, HISTOGRAM_INTERRUPTS_OFF, 0, ticks);
    if (ticks <= cpu->longest_interrupts_off)
        return;
    cpu->longest_interrupts_off = ticks;
    cpu->longest_interrupts_off_at = place;
}

void interrupts_restore(void)
{
    if (DEBUG_CHECKS)
        kassert(percpu_field(interrupts_off_depth) > 0);
    if (--percpu_field(interrupts_off_depth) > 0 || !interrupts_were_on())
        return;
    if (DEBUG_CHECKS)
        note_stretch(this_cpu(), (uint64_t)__builtin_return_address(0));
    interrupts_enable_now();
}
