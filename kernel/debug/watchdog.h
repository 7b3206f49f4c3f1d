// Names a CPU that has stopped. It has no thread and no periodic timer, so that silent CPUs stay
// silent: those that wait for another CPU look at the clock. `watchdog=SECONDS`, 0: off. The
// checked build panics, the lean one says so once.
#pragma once

#include "cpu/percpu.h"

#define WATCHDOG_DEFAULT_SECONDS 20u

// From now on, waits for calls (cpu/ipi.h) and for spinlocks are watched, and CPUs that were told
// to reschedule (sched/kick.c). More CPUs are given more time: they may be an emulator's. After the
// CPUs were started.
void watchdog_init(uint32_t seconds);
// For others that watch (sched/kick.c): how long a CPU may do nothing, TSC ticks; 0: watch nobody.
extern uint64_t watchdog_limit_ticks;
// It has not answered `what` for that long. Once in a machine's life. Interrupts off; the checked
// build does not return.
void watchdog_accuse(const struct percpu *cpu, const char *what, uint64_t ticks);
