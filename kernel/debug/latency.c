// Longest stretches: without a preemption point (measured here) and with interrupts off (measured
// by cpu/interrupts.c). Each CPU writes its own per-CPU fields; the report only reads. Called by
// the entry paths, preemption points and the scheduler.
#include "debug/latency.h"

#include "cpu/clock.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "debug/symbols.h"

// Closes the stretch that is open, if one is.
static void close_stretch(struct percpu *cpu, uint64_t now, uint64_t caller)
{
    uint64_t since = cpu->unpreemptible_since;

    if (since == 0 || now - since <= cpu->longest_unpreemptible)
        return;
    cpu->longest_unpreemptible = now - since;
    cpu->longest_unpreemptible_at = caller;
    cpu->longest_unpreemptible_from = cpu->unpreemptible_from;
}

void latency_mark_now(uint64_t place)
{
    struct percpu *cpu = this_cpu();
    uint64_t now = read_tsc();

    close_stretch(cpu, now, place);
    cpu->unpreemptible_since = now;
    cpu->unpreemptible_from = place;
}

void latency_end_now(uint64_t place)
{
    struct percpu *cpu = this_cpu();

    close_stretch(cpu, read_tsc(), place);
    cpu->unpreemptible_since = 0;
}

static void report_stretch(const char *what, uint64_t ticks, uint64_t from, uint64_t to)
{
    uint64_t ns = clock_ticks_to_ns(ticks);
    char begin[96] = "", end[96];

    if (from)
        symbols_format(begin, sizeof(begin), from);
    symbols_format(end, sizeof(end), to);
    log_info("latency", "longest %s %llu.%03llu us, %s%s%sended at %s", what,
             (unsigned long long)(ns / 1000), (unsigned long long)(ns % 1000),
             from ? "began at " : "", begin, from ? ", " : "", end);
}

void latency_report(void)
{
    const struct percpu *off = cpu_by_number(0), *stretch = off, *cpu;

    if (!DEBUG_CHECKS)
        return;
    for_each_cpu(cpu)
    {
        if (cpu->longest_interrupts_off > off->longest_interrupts_off)
            off = cpu;
        if (cpu->longest_unpreemptible > stretch->longest_unpreemptible)
            stretch = cpu;
    }
    report_stretch("interrupts-off stretch", off->longest_interrupts_off, 0,
                   off->longest_interrupts_off_at);
    report_stretch("stretch without a preemption point", stretch->longest_unpreemptible,
                   stretch->longest_unpreemptible_from, stretch->longest_unpreemptible_at);
}
