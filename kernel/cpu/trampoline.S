// Where a further CPU begins: copied to a page below 640 KiB (cpu/processor.c), where it runs in real
// mode at page:0000 after the start-up IPI, goes through protected mode into long mode on the root
// beside the page, and leaves for the kernel. Uses no stack, writes only the trampoline's data, and
// claims before it does anything: who is not expected comes to rest here. SDM vol. 3A, 8.4 and 9.8.5.
#include "cpu/assembly.h"
#include "cpu/selectors.h"
#include "offsets.h"

// The data lies behind the code, at the next multiple of 16.
#define DATA (trampoline_end - trampoline_start)

    .section .rodata
    .balign 16
    .code16
FUNCTION(trampoline_start)
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebp
    shll $4, %ebp                       // where the page lies; kept in EBP
    lgdtl DATA + TRAMPOLINE_GDT_POINTER
    movl %cr0, %eax
    orl $CR0_PROTECTION, %eax
    movl %eax, %cr0
    ljmpl *(DATA + TRAMPOLINE_PROTECTED_ENTRY)
END(trampoline_start)

    .code32
FUNCTION(trampoline_protected)
    movl $TRAMPOLINE_DATA_SELECTOR, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss

    // Who am I? The x2APIC id of leaf 0Bh, where there is one, else the eight bits of leaf 1.
    xorl %eax, %eax
    cpuid
    cmpl $0x0b, %eax
    jb 1f
    movl $0x0b, %eax
    xorl %ecx, %ecx
    cpuid
    testw %bx, %bx
    jnz 2f
1:  movl $1, %eax
    cpuid
    shrl $24, %ebx
    movl %ebx, %edx
2:  movl %edx, %eax

    // What is offered is for one CPU. One that comes after it was given up, or twice, finds another's
    // number or nobody's.
    movl $TRAMPOLINE_NOBODY_ID, %ecx
    lock cmpxchgl %ecx, DATA + TRAMPOLINE_OFFERED(%ebp)
    jne trampoline_late
    movl $1, DATA + TRAMPOLINE_TAKEN(%ebp)

    // Setting a bit of EFER that it does not have would shut the CPU down, and the machine with it.
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb trampoline_unfit
    movl $0x80000001, %eax
    cpuid
    movl DATA + TRAMPOLINE_EXTENDED_FEATURES(%ebp), %eax
    andl %eax, %edx
    cmpl %eax, %edx
    jne trampoline_unfit

    movl $CR4_LONG_MODE, %eax
    movl %eax, %cr4
    // Before the kernel's tables are in use: the memory types that their entries mean, and NX, which
    // is a reserved bit without it.
    movl $MSR_PAT_NUMBER, %ecx
    movl DATA + TRAMPOLINE_PAT(%ebp), %eax
    movl DATA + TRAMPOLINE_PAT + 4(%ebp), %edx
    wrmsr
    movl DATA + TRAMPOLINE_ROOT32(%ebp), %eax
    movl %eax, %cr3
    movl $MSR_EFER_NUMBER, %ecx
    movl DATA + TRAMPOLINE_EXTENDED_ENABLE(%ebp), %eax
    xorl %edx, %edx
    wrmsr
    // INIT leaves the caches as they were (SDM vol. 3A, table 9-1): CD and NW are cleared here.
    movl $CR0_LONG_MODE, %eax
    movl %eax, %cr0
    ljmpl *DATA + TRAMPOLINE_LONG_ENTRY(%ebp)

trampoline_unfit:
    movl $1, DATA + TRAMPOLINE_UNFIT(%ebp)
    jmp 3f
trampoline_late:
    lock incl DATA + TRAMPOLINE_TURNED_AWAY(%ebp)
3:  hlt                                 // interrupts are off; only another INIT leads out of here
    jmp 3b
END(trampoline_protected)

    .code64
FUNCTION(trampoline_long)
    movl %ebp, %ebp                     // upper halves are undefined so far
    movq DATA + TRAMPOLINE_CPU(%rbp), %rdi
    movq DATA + TRAMPOLINE_ENTRY(%rbp), %rsi
    movq DATA + TRAMPOLINE_STACK_TOP(%rbp), %rsp
    movq DATA + TRAMPOLINE_ROOT(%rbp), %rdx
    jmpq *(DATA + TRAMPOLINE_KERNEL_ENTRY)(%rbp)
END(trampoline_long)
    .balign 16
    .globl trampoline_end
trampoline_end:

// In the kernel's half, which both roots share. RDI: per-CPU area, RSI: where to go in C, RDX: the
// kernel's root. Interrupts are off. As in start.S, GS comes before any C code.
    .text
FUNCTION(processor_entry)
    movq %rdx, %cr3
    movl $MSR_GS_BASE_NUMBER, %ecx
    movq %rdi, %rax
    movq %rdi, %rdx
    shrq $32, %rdx
    wrmsr
    xorl %ebp, %ebp                     // backtraces end here
    call *%rsi
1:  cli                                 // it does not return
    hlt
    jmp 1b
END(processor_entry)
