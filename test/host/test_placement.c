// Where threads go, from made-up states; and that moving who has used up its slice to the least
// loaded CPU gives all endless loops equal time, whatever their number: simulated over two seconds
// with the rule of sched/scheduler.c (enqueue_or_leave).
#include "sched/placement.h"
#include "test.h"

#include <string.h>

#define SLICE_US 10000u
#define DURATION_US 2000000u
#define NEVER UINT64_MAX
#define THREADS 16u
#define CPUS 8u

static struct cpu_mask mask_of(uint64_t word0, uint64_t word3)
{
    return (struct cpu_mask){ .words = { word0, 0, 0, word3 } };
}

TEST(placement_takes_the_next_idle_cpu_of_the_mask)
{
    struct cpu_mask all, idle = mask_of(0x29, 0), some = mask_of(0x21, 0), none = mask_of(6, 0);
    memset(&all, 0xff, sizeof(all));
    CHECK_EQUAL(placement_find_idle(&all, &idle, 8, 0), 3);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 8, 3), 5);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 8, 5), 0);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 8, 7), 0);
    CHECK_EQUAL(placement_find_idle(&some, &idle, 8, 0), 5);
    CHECK_EQUAL(placement_find_idle(&none, &idle, 8, 0), PLACEMENT_NONE);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 5, 3), 0); // CPU 5 does not run
}

TEST(placement_looks_at_all_words_of_a_mask)
{
    struct cpu_mask all, idle = mask_of(2, 1ull << 63);
    memset(&all, 0xff, sizeof(all));
    CHECK_EQUAL(placement_find_idle(&all, &idle, 256, 1), 255);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 256, 255), 1);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 255, 1), 1);
    idle = mask_of(1, 0);
    CHECK_EQUAL(placement_find_idle(&all, &idle, 1, 0), 0);
}

TEST(placement_finds_the_lightest_and_stays_near)
{
    struct cpu_mask all, some = mask_of(0x6, 0), none = mask_of(0, 1);
    const uint16_t loads[] = { 2, 3, 1, 1 };
    const uint16_t even[] = { 2, 2, 2, 2 };
    memset(&all, 0xff, sizeof(all));
    CHECK_EQUAL(placement_find_lightest(&all, loads, 4, 0), 2);
    CHECK_EQUAL(placement_find_lightest(&all, loads, 4, 3), 3);
    CHECK_EQUAL(placement_find_lightest(&all, loads, 2, 1), 0);
    CHECK_EQUAL(placement_find_lightest(&some, loads, 4, 3), 2);
    CHECK_EQUAL(placement_find_lightest(&all, even, 4, 2), 2);
    CHECK_EQUAL(placement_find_lightest(&none, loads, 4, 0), PLACEMENT_NONE);
}

struct machine {
    unsigned cpu_count;
    unsigned queue[CPUS][THREADS]; // who runs, then who waits
    unsigned length[CPUS];
    uint64_t since[CPUS], slice_end[CPUS];
    uint64_t used[THREADS];
};

static void start_slices(struct machine *machine, uint64_t now)
{
    for (unsigned cpu = 0; cpu < machine->cpu_count; cpu++) {
        if (machine->length[cpu] < 2)
            machine->slice_end[cpu] = NEVER;
        else if (machine->slice_end[cpu] == NEVER)
            machine->slice_end[cpu] = now + SLICE_US;
    }
}

static unsigned next_cpu(const struct machine *machine)
{
    unsigned first = 0;
    for (unsigned cpu = 1; cpu < machine->cpu_count; cpu++)
        if (machine->slice_end[cpu] < machine->slice_end[first])
            first = cpu;
    return first;
}

static void end_slice(struct machine *machine, unsigned cpu, uint64_t now)
{
    uint16_t loads[CPUS];
    struct cpu_mask all;
    unsigned thread = machine->queue[cpu][0];
    memset(&all, 0xff, sizeof(all));
    for (unsigned i = 0; i < machine->cpu_count; i++)
        loads[i] = (uint16_t)machine->length[i];
    unsigned target = placement_find_lightest(&all, loads, machine->cpu_count, cpu);
    machine->used[thread] += now - machine->since[cpu];
    machine->length[cpu]--;
    memmove(machine->queue[cpu], machine->queue[cpu] + 1, machine->length[cpu] * sizeof(unsigned));
    machine->since[cpu] = now;
    machine->slice_end[cpu] = NEVER;
    if (loads[target] >= loads[cpu])
        target = cpu;
    machine->queue[target][machine->length[target]++] = thread;
}

// The smallest and the largest share, in thousandths of the mean.
static void run_loops(unsigned thread_count, unsigned cpu_count, uint64_t *least, uint64_t *most)
{
    struct machine machine = { .cpu_count = cpu_count };
    for (unsigned i = 0; i < thread_count; i++) {
        unsigned cpu = i % cpu_count;
        machine.queue[cpu][machine.length[cpu]++] = i;
        machine.slice_end[cpu] = NEVER;
    }
    start_slices(&machine, 0);
    for (unsigned cpu = next_cpu(&machine); machine.slice_end[cpu] < DURATION_US;
         cpu = next_cpu(&machine)) {
        uint64_t now = machine.slice_end[cpu];
        end_slice(&machine, cpu, now);
        start_slices(&machine, now);
    }
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        machine.used[machine.queue[cpu][0]] += DURATION_US - machine.since[cpu];
    *least = UINT64_MAX;
    *most = 0;
    uint64_t mean = (uint64_t)DURATION_US * cpu_count / thread_count;
    for (unsigned i = 0; i < thread_count; i++) {
        uint64_t share = machine.used[i] * 1000 / mean;
        *least = share < *least ? share : *least;
        *most = share > *most ? share : *most;
    }
}

TEST(placement_gives_loops_equal_shares_of_all_cpus)
{
    for (unsigned cpu_count = 2; cpu_count <= CPUS; cpu_count++)
        for (unsigned thread_count = cpu_count; thread_count <= THREADS; thread_count++) {
            uint64_t least, most;
            run_loops(thread_count, cpu_count, &least, &most);
            CHECK(least >= 950);
            CHECK(most <= 1050);
        }
}
