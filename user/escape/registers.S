// Goes to a piece of code with every register as `registers_in` says, and writes down all of them when
// that jumps to registers_back. All memory here is reached by RIP alone: no register is to spare.

#define GENERAL 0
#define STACK_POINTER (15 * 8)
#define FLAGS (16 * 8)
#define SELECTORS (17 * 8)
#define FS_BASE (23 * 8)
#define GS_BASE (24 * 8)
#define SIZE (25 * 8)
#define VECTORS_SIZE 4096
#define USUAL_FLAGS 0x202
#define SYS_ARCH_PRCTL 158
#define ARCH_SET_FS 0x1002

.macro for_general operation, file
.irp pair, "0, %rax", "1, %rbx", "2, %rcx", "3, %rdx", "4, %rsi", "5, %rdi", "6, %rbp", "7, %r8", \
    "8, %r9", "9, %r10", "10, %r11", "11, %r12", "12, %r13", "13, %r14", "14, %r15"
    \operation \file, \pair
.endr
.endm

.macro load file, number, register
    movq \file + \number * 8(%rip), \register
.endm

.macro store file, number, register
    movq \register, \file + \number * 8(%rip)
.endm

.macro store_selector file, number, register
    movl \register, %eax
    movq %rax, \file + \number * 8(%rip)
.endm

.macro put_back_selector number, register
    movl own_selectors + \number * 8(%rip), %eax
    cmpl registers_out + SELECTORS + \number * 8(%rip), %eax
    je 9f
    movl %eax, \register
9:
.endm

.text

// void registers_run(const void *start)
.globl registers_run
registers_run:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, own_stack(%rip)
    movq %rdi, target(%rip)
.irp pair, "2, %ds", "3, %es", "4, %fs", "5, %gs"
    store_selector own_selectors, \pair
.endr
    cmpb $0, registers_have_bases(%rip)
    je 1f
    rdfsbase %rax
    movq %rax, own_fs_base(%rip)
    rdgsbase %rax
    movq %rax, own_gs_base(%rip)
1:
    cmpb $0, registers_have_xsave(%rip)
    je 1f
    movl $7, %eax
    xorl %edx, %edx
    xrstor64 registers_vectors_in(%rip)
    jmp 2f
1:
    fxrstor64 registers_vectors_in(%rip)
2:
    pushq registers_in + FLAGS(%rip)
    popfq
    for_general load, registers_in
    movq registers_in + STACK_POINTER(%rip), %rsp
    jmp *target(%rip)

.globl registers_back
registers_back:
    for_general store, registers_out
    movq %rsp, registers_out + STACK_POINTER(%rip)
    movq own_stack(%rip), %rsp
    pushfq
    popq registers_out + FLAGS(%rip)
    pushq $USUAL_FLAGS
    popfq
.irp pair, "0, %cs", "1, %ss", "2, %ds", "3, %es", "4, %fs", "5, %gs"
    store_selector registers_out + SELECTORS, \pair
.endr
    cmpb $0, registers_have_bases(%rip)
    je 1f
    rdfsbase %rax
    movq %rax, registers_out + FS_BASE(%rip)
    rdgsbase %rax
    movq %rax, registers_out + GS_BASE(%rip)
1:
    put_back_selector 2, %ds
    put_back_selector 3, %es
    put_back_selector 5, %gs
    put_back_selector 4, %fs
    cmpb $0, registers_have_bases(%rip)     // C needs its FS base
    je 1f
    movq own_fs_base(%rip), %rax
    wrfsbase %rax
    movq own_gs_base(%rip), %rax
    wrgsbase %rax
    jmp 2f
1:
    movl $SYS_ARCH_PRCTL, %eax
    movl $ARCH_SET_FS, %edi
    movq registers_in + FS_BASE(%rip), %rsi
    syscall
2:
    cmpb $0, registers_have_xsave(%rip)
    je 2f
    movl $7, %eax
    xorl %edx, %edx
    xsave64 registers_vectors_out(%rip)
    jmp 3f
2:
    fxsave64 registers_vectors_out(%rip)
3:
    fninit
    pushq $0x1f80
    ldmxcsr (%rsp)
    popq %rax
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

.bss
.balign 64
.globl registers_vectors_in, registers_vectors_out, registers_in, registers_out
registers_vectors_in:
    .skip VECTORS_SIZE
registers_vectors_out:
    .skip VECTORS_SIZE
registers_in:
    .skip SIZE
registers_out:
    .skip SIZE
own_stack:
    .skip 8
target:
    .skip 8
own_selectors:
    .skip 48
own_fs_base:
    .skip 8
own_gs_base:
    .skip 8
.globl registers_have_xsave, registers_have_bases
registers_have_xsave:
    .skip 1
registers_have_bases:
    .skip 1

.section .note.GNU-stack, "", @progbits
