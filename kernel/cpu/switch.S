// switch_context(): the second of the two kinds of register save. Contract:
//   saves   RBX, RBP, R12-R15, RSP and the return address: what the System V ABI lets a callee keep.
//   leaves  everything else to sched/switch_to.c, which does it before the call: saves the program's
//           FPU state, FS/GS bases and selectors; loads the next one's selectors, bases and FPU
//           state; then SS, CR3, RSP0 with the SYSCALL stack, canary. Debug registers hold nothing
//           of any program. RFLAGS: interrupts are off on both sides, AC and DF clear.
//   locks   the run-queue lock is held on both sides; who continues releases it.
// struct switch_context (cpu/switch.h) draws the stack.

#include "cpu/assembly.h"

    .section .text
FUNCTION(switch_context)
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
END(switch_context)

// A new thread's first code: r12 = function, r13 = argument, as thread_create() laid them.
FUNCTION(thread_first_entry)
    xorl %ebp, %ebp
    call thread_started                 // releases the run-queue lock, turns interrupts on
    movq %r13, %rdi
    call *%r12
    call thread_exit
    ud2
END(thread_first_entry)

// Idle's wait; contract in cpu/interrupts.h. An NMI or #MC at idle_hlt ends STI's shadow: an
// interrupt behind it would be taken before the HLT, which then slept through what it announced.
// trap/fault.c moves such a return past the HLT.
    .globl idle_hlt
FUNCTION(interrupts_wait)
    sti
idle_hlt:
    hlt
    cli
    ret
END(interrupts_wait)
