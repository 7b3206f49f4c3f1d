// Interrupts from one CPU to others. A call runs a function on other CPUs, in their interrupt
// handler, and waits for all of them: with interrupts on and no spinlock held, or it would be a
// deadlock when two CPUs call each other, or when one waits for a lock that the caller holds.
#pragma once

#include "cpu/cpu_mask.h"

// Runs function(argument) on each CPU of the mask that runs, the calling one included if named;
// returns when all have finished. The function runs with interrupts off: short, takes no lock that
// anybody holds while calling this. Thread context, interrupts on, no spinlock held.
void ipi_call(const struct cpu_mask *cpus, void (*function)(void *argument), void *argument);
void ipi_call_all(void (*function)(void *argument), void *argument);
// The same, but it waits for nobody: when the function has run there, nobody is told. A copy of the
// argument goes. For what may be late only; today that is builds without a protection.
#define IPI_POST_SIZE 64u
void ipi_post(const struct cpu_mask *cpus, void (*function)(void *argument), const void *argument,
              size_t size);
// Called again and again by who waits for a CPU's answer for more than ipi_stall_ticks (TSC), with
// how long; it may panic. Both are set once, at boot; NULL: nobody.
extern void (*ipi_stalled)(const struct percpu *cpu, uint64_t waited_ticks);
extern uint64_t ipi_stall_ticks;
// VECTOR_RESCHEDULE to another CPU. Interrupts off.
void ipi_reschedule(const struct percpu *cpu);
// VECTOR_CALL arrived: makes the calls that are wanted here. Interrupts off.
void ipi_serve(void);
