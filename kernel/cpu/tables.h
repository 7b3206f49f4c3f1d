// The trap table and its company: GDT, TSS, IDT, IST stacks, system-call MSRs. Everything here is
// set once per CPU at boot by privileged instructions; user code can name no address in it.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

enum interrupt_stack {
    INTERRUPT_STACK_NMI = 1,
    INTERRUPT_STACK_DOUBLE_FAULT = 2,
    INTERRUPT_STACK_MACHINE_CHECK = 3,
    INTERRUPT_STACK_DEBUG = 4,
};

// GDT, TSS and IST stacks of one CPU: whole pages of their own.
#define CPU_TABLES_SIZE 32768u
#define VECTOR_STUB_SIZE 16u // entry_macros.inc
#define VECTOR_STUBS_SIZE (256u * VECTOR_STUB_SIZE)

// Loads GDT, TSS and IDT on this CPU; GS base is set to `cpu`. The boot CPU's tables are static;
// for others cpu->tables are CPU_TABLES_SIZE zeroed bytes. Interrupts off.
void cpu_tables_load(struct percpu *cpu);
// Where the gate of a vector leads.
uint64_t cpu_vector_handler(uint32_t vector);
// Programs STAR, LSTAR, CSTAR, SFMASK, SYSENTER_* and EFER.SCE, then reads each back and panics if
// one did not take. Interrupts off.
void cpu_syscall_msrs_load(void);
// CR0, CR4 and EFER as this kernel wants them: WP, NE, AM, PGE, SMEP, SMAP, UMIP, FSGSBASE, NX.
void cpu_control_registers_load(void);

// The one place that says where the next entry from user mode lands: TSS.RSP0 and the SYSCALL
// stack, always together; with isolation the latter is both. Interrupts off.
void cpu_kernel_stack_set(uint64_t stack_top);
