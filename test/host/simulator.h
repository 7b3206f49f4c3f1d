// A machine of one CPU in which a policy schedules jobs that are only numbers: exact to the tick,
// with the calls that kernel/sched/scheduler.c makes, in their order. For test_policy_*.c.
#pragma once

#include "sched/policy.h"

#define JOB_LIMIT 64u
#define NEVER UINT64_MAX

struct job {
    struct thread thread;
    char letter;
    uint64_t arrives;
    uint64_t run_left;    // of CPU time until it ends; NEVER: endless
    uint64_t burst, away; // it computes for `burst`, then waits `away` for a device; 0, 0: never
    uint64_t burst_left, wakes_at;
    uint64_t ran;
    uint64_t waits_since, longest_wait;
    bool yields; // at the end of a burst, in place of waiting for a device
};

struct simulation {
    struct policy_queue queue;
    struct job jobs[JOB_LIMIT];
    unsigned count;
    uint64_t now, slice_end;
    struct job *running;
    unsigned waiting;
    uint64_t switches;
    // With `unit` set: who ran, a letter for each unit of time, '.' for nobody.
    uint64_t unit;
    char *record;
    size_t recorded, record_size;
};

// `slice` and `second` in ticks, as the scheduler gives them.
void simulation_start(struct simulation *simulation, const struct policy *policy, uint64_t slice,
                      uint64_t second);
// An endless job that computes, with that weight; changes are made before the first run.
struct job *simulation_add(struct simulation *simulation, char letter, uint64_t arrives,
                           uint32_t weight);
void simulation_run(struct simulation *simulation, uint64_t until);
