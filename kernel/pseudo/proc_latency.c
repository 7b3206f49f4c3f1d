// /proc/latency: how long threads wait for a CPU, and CPUs for a switch or with interrupts off. One
// line for each histogram and bucket that is not empty: name, "<" and the nanoseconds that bound
// it, count; all CPUs together. Called through file.c.
#include "cpu/histogram.h"
#include "lib/protection.h"
#include "pseudo/devices.h"
#include "pseudo/snapshot.h"

static uint64_t sum_bucket(enum histogram which, uint32_t bucket)
{
    struct percpu *cpu;
    uint64_t sum = 0;

    for_each_cpu(cpu) sum += __atomic_load_n(&cpu->histograms[which][bucket], __ATOMIC_RELAXED);
    return sum;
}

static void print_line(struct snapshot *text, const char *name, uint32_t bucket, uint64_t count)
{
    if (count == 0)
        return;
    if (bucket == HISTOGRAM_BUCKETS - 1)
        snapshot_print(text, "%s - %llu\n", name, (unsigned long long)count);
    else
        snapshot_print(text, "%s <%llu %llu\n", name,
                       (unsigned long long)histogram_bound_ns(bucket), (unsigned long long)count);
}

static void print_histogram(struct snapshot *text, const char *name, enum histogram which)
{
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        print_line(text, name, bucket, sum_bucket(which, bucket));
}

// Whoever waits in a run queue was woken, or had to make way.
static void print_queue_wait(struct snapshot *text)
{
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++)
        print_line(text, "run-queue-wait", bucket,
                   sum_bucket(HISTOGRAM_WAKE_UP, bucket) + sum_bucket(HISTOGRAM_TURN, bucket));
}

static void fill_latency(struct snapshot *text)
{
    struct percpu *cpu;
    uint64_t migrations = 0;

    print_histogram(text, "wake-up", HISTOGRAM_WAKE_UP);
    print_queue_wait(text);
    print_histogram(text, "due-to-switch", HISTOGRAM_DUE_TO_SWITCH);
    if (DEBUG_CHECKS)
        print_histogram(text, "interrupts-off", HISTOGRAM_INTERRUPTS_OFF);
    else
        snapshot_print(text, "# interrupts-off: measured by the checked build only\n");
    for_each_cpu(cpu) migrations += __atomic_load_n(&cpu->migrations, __ATOMIC_RELAXED);
    snapshot_print(text, "# migrations %llu\n", (unsigned long long)migrations);
}

SNAPSHOT_FILE(latency, fill_latency);
