// CPUs as threads, for code whose locks are the kernel's own. Each has a struct percpu; interrupts
// are signals that wait while the CPU has interrupts off.
#pragma once

#include "cpu/percpu.h"

#define HOST_CPU_LIMIT 8u

// Starts `count` CPUs that run `work`, and returns when all have finished. Between such calls the
// main thread is CPU 0.
void cpus_run(uint32_t count, void (*work)(uint32_t number));
// All CPUs stop here until the last one has come.
void cpus_meet(void);
// An interrupt that comes whenever a CPU turns interrupts on again; NULL: none.
extern void (*cpus_interrupt)(void);
