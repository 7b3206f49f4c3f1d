// What a panic does with the other CPUs: stops them by NMI, wherever they are, and says where that
// was. Called by panic.c on the CPU that panics, and by the NMI handler of the others, which print
// nothing. Invariant: a stopped CPU has told what there is to tell before its `stopped` is set, and
// never goes on.
#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "debug/panic_report.h"
#include "debug/symbols.h"
#include "dev/power.h"

#define STOP_LIMIT_NS 2000000000ull // an emulated CPU may not be running just now
#define TOLD_LIMIT 16u              // lines

extern const char idle_hlt[];

static _Atomic(const struct percpu *) panicking;

bool panic_claim(const struct percpu *cpu)
{
    const struct percpu *nobody = NULL;

    return atomic_compare_exchange_strong(&panicking, &nobody, cpu) || nobody == cpu;
}

void panic_rest(const char *reason)
{
    struct percpu *cpu = this_cpu();

    if (reason) // an NMI that finds a CPU on its way here has none
        cpu->stop_reason = reason;
    atomic_store_explicit(&cpu->stopped, true, memory_order_release);
    power_halt();
}

void panic_note_nmi(const struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();
    const struct percpu *who = atomic_load_explicit(&panicking, memory_order_acquire);

    cpu->nmi_rip = frame->rip;
    __atomic_store_n(&cpu->nmi_count, cpu->nmi_count + 1, __ATOMIC_RELEASE);
    if (who && who != cpu)
        panic_rest(NULL);
}

// All NMIs are sent before the first is waited for. A CPU that is in an NMI or machine check itself
// does not hear it, nor does one that is lost for good.
void panic_stop_others(void)
{
    struct percpu *cpu;

    for_each_cpu(cpu)
    {
        if (cpu != this_cpu())
            lapic_send_nmi(cpu->apic_id);
    }
    uint64_t begin = clock_now_ns();
    for_each_cpu(cpu)
    {
        while (cpu != this_cpu() && !atomic_load_explicit(&cpu->stopped, memory_order_acquire) &&
               clock_now_ns() - begin < STOP_LIMIT_NS)
            cpu_relax();
    }
}

static void tell_place(const struct percpu *cpu)
{
    char place[96];

    if (!atomic_load_explicit(&cpu->stopped, memory_order_acquire)) {
        log_emergency_line("panic", "cpu %u does not answer an NMI", cpu->number);
        return;
    }
    if (cpu->stop_reason) { // as it is: its arguments are gone
        log_emergency_line("panic", "cpu %u panicked, too: %s", cpu->number, cpu->stop_reason);
        return;
    }
    symbols_format(place, sizeof(place), cpu->nmi_rip);
    log_emergency_line("panic", "cpu %u was at 0x%016llx %s, %u spinlocks held", cpu->number,
                       (unsigned long long)cpu->nmi_rip, place, cpu->held_lock_count);
}

static bool was_idle(const struct percpu *cpu)
{
    return atomic_load_explicit(&cpu->stopped, memory_order_acquire) && !cpu->stop_reason &&
           cpu->nmi_rip - (uint64_t)idle_hlt <= 1; // at HLT or behind it
}

void panic_tell_others(void)
{
    const struct percpu *cpu;
    uint32_t idle = 0, told = 0;

    for_each_cpu(cpu)
    {
        if (cpu == this_cpu())
            continue;
        if (was_idle(cpu))
            idle++;
        else if (told++ < TOLD_LIMIT)
            tell_place(cpu);
    }
    if (told > TOLD_LIMIT)
        log_emergency_line("panic", "and %u more CPUs that were not idle", told - TOLD_LIMIT);
    if (idle > 0)
        log_emergency_line("panic", "%u other CPUs were idle", idle);
}
