// Names a CPU that has stopped. It has no timer and no thread of its own, so that silent CPUs stay
// silent: those that wait for another CPU look at the clock. `watchdog=SECONDS`, 0: off. The
// checked build panics, the lean one says so once.
#pragma once

#include "cpu/percpu.h"

#define WATCHDOG_DEFAULT_SECONDS 20u

// From now on, waits for calls (cpu/ipi.h) and for spinlocks are watched, and CPUs that were told
// to reschedule. More CPUs are given more time: they may be an emulator's. After the CPUs were
// started.
void watchdog_init(uint32_t seconds);
// This CPU is about to send another one VECTOR_RESCHEDULE; interrupts off.
void watchdog_note_kick(const struct percpu *target);
void watchdog_look_now(void);
// Has the CPU that this one sent that interrupt taken it? By whoever has the time; interrupts off.
static inline void watchdog_look(void)
{
    if (unlikely(this_cpu()->kicked))
        watchdog_look_now();
}
