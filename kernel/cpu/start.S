// The kernel's first instruction. The loader jumps here with interrupts off, the kernel's half mapped
// and RDI pointing at boot_info in the direct map. Nothing may run before GS holds this CPU's base:
// compiled code reads the stack canary through it.
#include "cpu/assembly.h"
#include "cpu/selectors.h"

    .section .text
FUNCTION(kernel_start)
    cld
    movl $MSR_GS_BASE_NUMBER, %ecx
    movabsq $boot_percpu, %rax
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    movabsq $boot_stack_top, %rsp
    xorl %ebp, %ebp                     // backtraces end here
    call kernel_main
1:  cli                                 // kernel_main does not return
    hlt
    jmp 1b
END(kernel_start)

// The stack of the boot context, later of the boot CPU's idle thread. The page below it is a guard:
// boot_guard_stack() unmaps it.
    .section .bss
    .balign 4096
    .globl boot_stack_guard
boot_stack_guard:
    .skip 4096
    .skip 16384
    .globl boot_stack_top
boot_stack_top:
