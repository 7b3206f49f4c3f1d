// The text files in /proc about processors: stat, interrupts, cpuinfo. Called through file.c. One
// CPU runs so far, so every total is its own.
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "lib/string.h"
#include "proc/inspect.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

#define NS_PER_TICK 10000000ull // USER_HZ is 100
#define ISA_LINES 16u

typedef unsigned long long number;

static uint64_t count_interrupts(const struct percpu *cpu)
{
    uint64_t count = 0;
    for (uint32_t vector = VECTOR_FIRST_INTERRUPT; vector < INTERRUPT_VECTOR_LIMIT; vector++)
        count += cpu->interrupt_counts[vector];
    return count;
}

static void print_cpu_line(struct snapshot *text, const char *name,
                           const struct scheduler_times *times)
{
    snapshot_print(text, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name,
                   (number)(times->user_ns / NS_PER_TICK), (number)(times->system_ns / NS_PER_TICK),
                   (number)(times->idle_ns / NS_PER_TICK));
}

static void fill_stat(struct snapshot *text)
{
    const struct percpu *cpu = this_cpu();
    struct scheduler_times times;
    struct process_totals totals;
    scheduler_times(&times);
    process_count_totals(&totals);
    print_cpu_line(text, "cpu ", &times);
    print_cpu_line(text, "cpu0", &times);
    snapshot_print(text, "intr %llu", (number)count_interrupts(cpu));
    for (uint32_t line = 0; line < ISA_LINES; line++)
        snapshot_print(text, " %llu", (number)cpu->interrupt_counts[VECTOR_FIRST_INTERRUPT + line]);
    snapshot_print(text, "\nctxt %llu\nbtime %llu\nprocesses %llu\n", (number)cpu->switch_count,
                   (number)clock_boot_unix_seconds(), (number)totals.started);
    snapshot_print(text, "procs_running %u\nprocs_blocked %u\n", scheduler_runnable_count(),
                   process_count_blocked());
}

SNAPSHOT_FILE(stat, fill_stat);

static const struct {
    uint32_t vector;
    const char *label, *what;
} interrupt_lines[] = {
    { VECTOR_KEYBOARD, "1", "  IO-APIC   1-edge      keyboard" },
    { VECTOR_SERIAL, "4", "  IO-APIC   4-edge      serial" },
    { VECTOR_NMI, "NMI", "  Non-maskable interrupts" },
    { VECTOR_LAPIC_TIMER, "LOC", "  Local timer interrupts" },
    { VECTOR_SPURIOUS, "SPU", "  Spurious interrupts" },
    { VECTOR_RESCHEDULE, "RES", "  Rescheduling interrupts" },
    { VECTOR_LAPIC_ERROR, "ERR", NULL },
};

static void fill_interrupts(struct snapshot *text)
{
    const struct percpu *cpu = this_cpu();
    snapshot_print(text, "           CPU0       \n");
    for (size_t i = 0; i < ARRAY_SIZE(interrupt_lines); i++) {
        uint32_t vector = interrupt_lines[i].vector;
        uint64_t count = vector == VECTOR_NMI ? cpu->nmi_count : cpu->interrupt_counts[vector];
        snapshot_print(text, "%3s: %10llu", interrupt_lines[i].label, (number)count);
        snapshot_print(text, "%s\n", interrupt_lines[i].what ? interrupt_lines[i].what : "");
    }
}

SNAPSHOT_FILE(interrupts, fill_interrupts);

// CPUID.1 EDX, from bit 0 (SDM vol. 2A, CPUID).
static const char *const feature_names[32] = {
    "fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
    "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", NULL,   "dts",
    "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe",
};

static void print_flags(struct snapshot *text)
{
    const struct cpu_features *features = &cpu_features;
    const struct {
        bool has;
        const char *name;
    } others[] = {
        { true, "syscall" },
        { features->nx, "nx" },
        { features->gigabyte_pages, "pdpe1gb" },
        { true, "lm" },
        { features->tsc_invariant, "nonstop_tsc" },
        { features->pcid, "pcid" },
        { features->x2apic, "x2apic" },
        { features->tsc_deadline, "tsc_deadline_timer" },
        { features->xsave, "xsave" },
        { features->avx, "avx" },
        { features->rdrand, "rdrand" },
        { features->fsgsbase, "fsgsbase" },
        { features->smep, "smep" },
        { features->invpcid, "invpcid" },
        { features->smap, "smap" },
        { features->xsaveopt, "xsaveopt" },
        { features->xsavec, "xsavec" },
        { features->umip, "umip" },
        { features->la57, "la57" },
    };
    snapshot_print(text, "flags\t\t:");
    for (uint32_t bit = 0; bit < 32; bit++) {
        if ((features->hwcap >> bit & 1) && feature_names[bit])
            snapshot_print(text, " %s", feature_names[bit]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (others[i].has)
            snapshot_print(text, " %s", others[i].name);
    }
    snapshot_print(text, "\n");
}

static void fill_cpuinfo(struct snapshot *text)
{
    const struct cpu_features *features = &cpu_features;
    uint64_t khz = clock_tsc_hz() / 1000;
    snapshot_print(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
                   this_cpu()->number, features->vendor, features->family, features->model);
    snapshot_print(text, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %llu.%03llu\n",
                   features->brand, features->stepping, (number)(khz / 1000), (number)(khz % 1000));
    snapshot_print(text, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n");
    snapshot_print(text, "apicid\t\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\n",
                   this_cpu()->apic_id);
    print_flags(text);
    snapshot_print(text,
                   "clflush size\t: 64\naddress sizes\t: %u bits physical, 48 bits virtual\n\n",
                   features->physical_bits);
}

SNAPSHOT_FILE(cpuinfo, fill_cpuinfo);
