// The watchdog: called by who waits for another CPU for long, or has told one to reschedule
// (sched/kick.c). Invariant: a CPU is accused only after it did not do for the whole limit what was
// asked of it, and it is told where it is: an NMI reaches it with interrupts off, too.
#include "debug/watchdog.h"

#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/lapic.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "debug/log.h"
#include "debug/symbols.h"
#include "lib/format.h"
#include "lib/panic.h"
#include "lib/protection.h"

#define NS_PER_SECOND 1000000000ull
#define NMI_LIMIT_NS 1000000000ull
#define CPUS_PER_SHARE 8u // of the limit

uint64_t watchdog_limit_ticks; // 0: off
static atomic_bool accused;    // one accusation is enough

// Where the CPU is, in words; asked by an NMI.
static void find_place(const struct percpu *cpu, char *text, size_t size)
{
    uint64_t before = __atomic_load_n(&cpu->nmi_count, __ATOMIC_ACQUIRE);
    uint64_t begin = clock_now_ns();
    char place[96];

    interrupts_off();
    lapic_send_nmi(cpu->apic_id);
    interrupts_restore();
    while (__atomic_load_n(&cpu->nmi_count, __ATOMIC_ACQUIRE) == before) {
        if (clock_now_ns() - begin > NMI_LIMIT_NS) {
            (void)format_text(text, size, "and no NMI either");
            return;
        }
        cpu_relax();
    }
    symbols_format(place, sizeof(place), cpu->nmi_rip);
    (void)format_text(text, size, "it is at %#llx %s", (unsigned long long)cpu->nmi_rip, place);
}

static bool is_first(void)
{
    return !atomic_exchange(&accused, true);
}

void watchdog_accuse(const struct percpu *cpu, const char *what, uint64_t ticks)
{
    unsigned long long seconds = clock_ticks_to_ns(ticks) / NS_PER_SECOND;
    char place[160];

    if (!is_first())
        return;
    find_place(cpu, place, sizeof(place));
    if (DEBUG_CHECKS)
        panic("CPU %u has not answered %s for %llu s; %s", cpu->number, what, seconds, place);
    log_error("watchdog", "CPU %u has not answered %s for %llu s; %s", cpu->number, what, seconds,
              place);
}

static void call_stalled(const struct percpu *cpu, uint64_t waited_ticks)
{
    watchdog_accuse(cpu, "a call", waited_ticks);
}

// Who holds it: known in the checked build alone. Read while they come and go, which the limit
// makes unlikely.
static const struct percpu *find_holder(const struct spinlock *lock)
{
    const struct percpu *cpu;

    for_each_cpu(cpu)
    {
        for (uint32_t i = 0; i < cpu->held_lock_count && i < HELD_LOCK_LIMIT; i++)
            if (cpu->held_locks[i] == lock)
                return cpu;
    }
    return NULL;
}

// The lean build does not speak: the lock may be the log's.
static void lock_stalled(const struct spinlock *lock, uint64_t waited_ticks)
{
    const struct percpu *holder = find_holder(lock);
    char place[160];

    if (!DEBUG_CHECKS || !is_first())
        return;
    unsigned long long seconds = clock_ticks_to_ns(waited_ticks) / NS_PER_SECOND;
    if (!holder)
        panic("lock %s was not free for %llu s, and nobody has it", lock->name, seconds);
    find_place(holder, place, sizeof(place));
    panic("lock %s was not free for %llu s: CPU %u has it; %s", lock->name, seconds, holder->number,
          place);
}

void watchdog_init(uint32_t seconds)
{
    if (seconds == 0)
        return;
    watchdog_limit_ticks =
        clock_ns_to_ticks(seconds * NS_PER_SECOND * (1 + cpu_count() / CPUS_PER_SHARE));
    ipi_stall_ticks = spinlock_stall_ticks = watchdog_limit_ticks;
    ipi_stalled = call_stalled;
    spinlock_stalled = lock_stalled;
}
