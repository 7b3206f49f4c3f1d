// The text files in /proc about processors: stat, interrupts, cpuinfo. Called through
// file.c. Counters of other CPUs are read while they count.
#include "cpu/clock.h"
#include "cpu/features.h"
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "lib/format.h"
#include "lib/string.h"
#include "proc/inspect.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"
#include "sched/scheduler.h"

#define NS_PER_TICK 10000000ull // USER_HZ is 100
#define ISA_LINES 16u

typedef unsigned long long number;

// Of all CPUs.
static uint64_t count_interrupts(uint32_t first_vector, uint32_t last_vector)
{
    const struct percpu *cpu;
    uint64_t count = 0;
    for_each_cpu(cpu)
    {
        for (uint32_t vector = first_vector; vector <= last_vector; vector++)
            count += cpu->interrupt_counts[vector];
    }
    return count;
}

static uint64_t count_switches(void)
{
    const struct percpu *cpu;
    uint64_t count = 0;
    for_each_cpu(cpu) count += cpu->switch_count;
    return count;
}

static void print_cpu_line(struct snapshot *text, const char *name,
                           const struct scheduler_times *times)
{
    snapshot_print(text, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name,
                   (number)(times->user_ns / NS_PER_TICK), (number)(times->system_ns / NS_PER_TICK),
                   (number)(times->idle_ns / NS_PER_TICK));
}

// With one CPU the sum is its own line, from the same reading.
static void print_cpu_lines(struct snapshot *text)
{
    const struct percpu *cpu;
    struct scheduler_times times;
    scheduler_times(&times);
    print_cpu_line(text, "cpu ", &times);
    for_each_cpu(cpu)
    {
        char name[16];
        (void)format_text(name, sizeof(name), "cpu%u", cpu->number);
        if (cpu_count() > 1)
            scheduler_cpu_times(cpu, &times);
        print_cpu_line(text, name, &times);
    }
}

static void fill_stat(struct snapshot *text)
{
    struct process_totals totals;
    process_count_totals(&totals);
    print_cpu_lines(text);
    snapshot_print(text, "intr %llu",
                   (number)count_interrupts(VECTOR_FIRST_INTERRUPT, INTERRUPT_VECTOR_LIMIT - 1));
    for (uint32_t line = 0; line < ISA_LINES; line++) {
        uint32_t vector = VECTOR_FIRST_INTERRUPT + line;
        snapshot_print(text, " %llu", (number)count_interrupts(vector, vector));
    }
    snapshot_print(text, "\nctxt %llu\nbtime %llu\nprocesses %llu\n", (number)count_switches(),
                   (number)clock_boot_unix_seconds(), (number)totals.started);
    snapshot_print(text, "procs_running %u\nprocs_blocked %u\n", scheduler_runnable_count(),
                   process_count_blocked());
}

SNAPSHOT_FILE(stat, fill_stat);

#define NOT_A_VECTOR INTERRUPT_VECTOR_LIMIT // part of the function calls

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
    { VECTOR_CALL, "CAL", "  Function call interrupts" },
    { NOT_A_VECTOR, "TLB", "  TLB shootdowns" },
    { VECTOR_MACHINE_CHECK, "MCE", "  Machine check exceptions" },
    { VECTOR_LAPIC_ERROR, "ERR", NULL },
};

static uint64_t count_of_line(const struct percpu *cpu, uint32_t vector)
{
    if (vector == NOT_A_VECTOR)
        return cpu->shootdowns_received;
    return vector == VECTOR_NMI ? cpu->nmi_count : cpu->interrupt_counts[vector];
}

// One column a CPU; what is counted for all together has one number only, as on Linux.
static void fill_interrupts(struct snapshot *text)
{
    const struct percpu *cpu;
    snapshot_print(text, "    ");
    for_each_cpu(cpu) snapshot_print(text, "       CPU%-4u", cpu->number);
    snapshot_print(text, "\n");
    for (size_t i = 0; i < ARRAY_SIZE(interrupt_lines); i++) {
        uint32_t vector = interrupt_lines[i].vector;
        snapshot_print(text, "%3s:", interrupt_lines[i].label);
        if (vector == VECTOR_LAPIC_ERROR)
            snapshot_print(text, " %10llu", (number)count_interrupts(vector, vector));
        else
            for_each_cpu(cpu) snapshot_print(text, " %10llu", (number)count_of_line(cpu, vector));
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

static void print_cpu(struct snapshot *text, const struct percpu *cpu)
{
    const struct cpu_features *features = &cpu_features;
    uint64_t khz = clock_tsc_hz() / 1000;
    snapshot_print(text, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
                   cpu->number, features->vendor, features->family, features->model);
    snapshot_print(text, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %llu.%03llu\n",
                   features->brand, features->stepping, (number)(khz / 1000), (number)(khz % 1000));
    snapshot_print(text, "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n",
                   cpu_count(), cpu->number, cpu_count());
    snapshot_print(text, "apicid\t\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\n",
                   cpu->apic_id);
    print_flags(text);
    snapshot_print(text,
                   "clflush size\t: 64\naddress sizes\t: %u bits physical, 48 bits virtual\n\n",
                   features->physical_bits);
}

// All have what CPU 0 has (cpu_features_lacking); which of them share a package is not looked at.
static void fill_cpuinfo(struct snapshot *text)
{
    const struct percpu *cpu;
    for_each_cpu(cpu)
    {
        print_cpu(text, cpu);
        preempt_point();
    }
}

SNAPSHOT_FILE(cpuinfo, fill_cpuinfo);
