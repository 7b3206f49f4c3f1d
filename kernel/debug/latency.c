// Longest stretches: without a preemption point (measured here) and with interrupts off (measured
// by cpu/interrupts.c). Each CPU writes its own per-CPU fields; the report only reads. Called by
// the entry paths, preemption points and the scheduler.
#include "debug/latency.h"

#include "cpu/clock.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "debug/symbols.h"

static const struct percpu *watched[CPU_LIMIT];
static uint32_t watched_count;

void latency_add_cpu(const struct percpu *cpu)
{
    if (watched_count < CPU_LIMIT)
        watched[watched_count++] = cpu;
}

// Closes the stretch that is open, if one is.
static void close_stretch(struct percpu *cpu, uint64_t now, uint64_t caller)
{
    uint64_t since = cpu->unpreemptible_since;

    if (since == 0 || now - since <= cpu->longest_unpreemptible)
        return;
    cpu->longest_unpreemptible = now - since;
    cpu->longest_unpreemptible_at = caller;
}

void latency_mark_now(uint64_t place)
{
    struct percpu *cpu = this_cpu();
    uint64_t now = read_tsc();

    close_stretch(cpu, now, place);
    cpu->unpreemptible_since = now;
}

void latency_end_now(uint64_t place)
{
    struct percpu *cpu = this_cpu();

    close_stretch(cpu, read_tsc(), place);
    cpu->unpreemptible_since = 0;
}

static void report_stretch(const char *what, uint64_t ticks, uint64_t address)
{
    uint64_t ns = clock_ticks_to_ns(ticks);
    char name[96];

    symbols_format_return(name, sizeof(name), address);
    log_info("latency", "longest %s %llu.%03llu us, ended at %s", what,
             (unsigned long long)(ns / 1000), (unsigned long long)(ns % 1000), name);
}

void latency_report(void)
{
    uint64_t off = 0, off_at = 0, stretch = 0, stretch_at = 0;

    if (!DEBUG_CHECKS)
        return;
    for (uint32_t i = 0; i < watched_count; i++) {
        const struct percpu *cpu = watched[i];
        if (cpu->longest_interrupts_off > off) {
            off = cpu->longest_interrupts_off;
            off_at = cpu->longest_interrupts_off_at;
        }
        if (cpu->longest_unpreemptible > stretch) {
            stretch = cpu->longest_unpreemptible;
            stretch_at = cpu->longest_unpreemptible_at;
        }
    }
    report_stretch("interrupts-off stretch", off, off_at);
    report_stretch("stretch without a preemption point", stretch, stretch_at);
}
