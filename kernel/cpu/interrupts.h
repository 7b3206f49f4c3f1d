// Turning interrupts off on this CPU, with nesting. Outermost stretches are timed (debug/latency.h
// prints the longest).
#pragma once

#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "lib/types.h"

static inline bool interrupts_are_on(void)
{
    return (read_rflags() & RFLAGS_IF) != 0;
}

// Nests: the outermost restore turns interrupts on again only if they were on before.
void interrupts_off(void);
void interrupts_restore(void);
// Between the two: were interrupts on before the outermost? If not, this is an interrupt handler
// (or the boot).
static inline bool interrupts_were_on(void)
{
    return (percpu_field(flags_before_off) & RFLAGS_IF) != 0;
}

// The same pair where it is known that interrupts are on before and after, and the depth is zero.
static inline void interrupts_off_outermost(void)
{
    __asm__ volatile("cli" ::: "memory");
    percpu_field(flags_before_off) = RFLAGS_IF;
    percpu_field(interrupts_off_depth) = 1;
}

static inline void interrupts_on_outermost(void)
{
    percpu_field(interrupts_off_depth) = 0;
    __asm__ volatile("sti" ::: "memory");
}

// Raw forms for the entry paths and idle; nesting depth must be zero.
static inline void interrupts_enable_now(void)
{
    __asm__ volatile("sti" ::: "memory");
}

static inline void interrupts_disable_now(void)
{
    __asm__ volatile("cli" ::: "memory");
}

// Waits for an interrupt, with interrupts off on entry and on return (switch.S). No wake-up is lost
// between the check before it and the wait: STI delays interrupts by one instruction (SDM vol. 2B,
// STI), and an NMI or #MC that comes in that instruction steps over the HLT on its way back.
void interrupts_wait(void);
