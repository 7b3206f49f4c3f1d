// Interrupts off, with nesting, per CPU. Called by spinlocks and whoever needs a short stretch
// undisturbed. Invariant: depth > 0 implies interrupts are off.
#include "cpu/interrupts.h"

#include "cpu/percpu.h"
#include "lib/panic.h"
#include "lib/protection.h"

void interrupts_off(void)
{
    bool were_on = interrupts_are_on();

    interrupts_disable_now();
    struct percpu *cpu = this_cpu();
    if (cpu->interrupts_off_depth++ == 0) {
        cpu->interrupts_were_on = were_on;
        if (DEBUG_CHECKS && were_on)
            cpu->interrupts_off_since = read_tsc();
    }
}

static void note_stretch(struct percpu *cpu, uint64_t place)
{
    uint64_t ticks = read_tsc() - cpu->interrupts_off_since;

    if (ticks <= cpu->longest_interrupts_off)
        return;
    cpu->longest_interrupts_off = ticks;
    cpu->longest_interrupts_off_at = place;
}

void interrupts_restore(void)
{
    struct percpu *cpu = this_cpu();

    kassert(cpu->interrupts_off_depth > 0);
    if (--cpu->interrupts_off_depth > 0 || !cpu->interrupts_were_on)
        return;
    if (DEBUG_CHECKS)
        note_stretch(cpu, (uint64_t)__builtin_return_address(0));
    interrupts_enable_now();
}
