// Holds known values in registers and looks whether they stay. Plain System V functions; everything
// callee-saved is restored.

#define STEP 0x0101010101010101

.macro enter
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $136, %rsp
    movq %rsi, 120(%rsp)
    movq %rdx, 128(%rsp)
    movabsq $STEP, %rcx
    movq %rdi, %rax
.irp at, 0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112
    movq %rax, \at(%rsp)
    addq %rcx, %rax
.endr
.endm

.macro leave_with label
\label:
    addq $136, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.endm

.macro for_kept operation
    \operation 8, %rbx
    \operation 24, %rdx
    \operation 32, %rsi
    \operation 40, %rdi
    \operation 48, %rbp
    \operation 56, %r8
    \operation 64, %r9
    \operation 72, %r10
    \operation 88, %r12
    \operation 96, %r13
    \operation 104, %r14
    \operation 112, %r15
.endm

.macro load at, register
    movq \at(%rsp), \register
.endm

.macro compare at, register
    cmpq \at(%rsp), \register
    jne 2f
.endm

.text

// uint64_t hold_registers(uint64_t pattern, uint64_t rounds): all fifteen general registers, no
// system call. 0, or 1 when one of them changed.
.globl hold_registers
hold_registers:
    enter
    for_kept load
    load 0, %rax
    load 16, %rcx
    load 80, %r11
1:
    for_kept compare
    compare 0, %rax
    compare 16, %rcx
    compare 80, %r11
    decq 120(%rsp)
    jnz 1b
    xorl %eax, %eax
    jmp 3f
2:
    movl $1, %eax
    leave_with 3

// uint64_t hold_across_calls(uint64_t pattern, uint64_t rounds, uint64_t number): a system call each
// round. What the ABI keeps must be kept; RCX is the address behind SYSCALL, R11 the flags.
.globl hold_across_calls
hold_across_calls:
    enter
    for_kept load
1:
    movq 128(%rsp), %rax
    syscall
4:
    for_kept compare
    leaq 4b(%rip), %rax
    cmpq %rax, %rcx
    jne 2f
    decq 120(%rsp)
    jnz 1b
    xorl %eax, %eax
    jmp 3f
2:
    movl $1, %eax
    leave_with 3

// void hold_vectors(const void *in, void *out, uint64_t rounds): FXRSTOR, wait, FXSAVE.
.globl hold_vectors
hold_vectors:
    fxrstor64 (%rdi)
1:
    decq %rdx
    jnz 1b
    fxsave64 (%rsi)
    jmp reset_vectors

// void hold_wide_vectors(const void *in, void *out, uint64_t rounds, const void *wide_in,
// void *wide_out): the same with the 256-bit registers, sixteen of 32 bytes.
.globl hold_wide_vectors
hold_wide_vectors:
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups \number * 32(%rcx), %ymm\number
.endr
    fxrstor64 (%rdi)
1:
    decq %rdx
    jnz 1b
    fxsave64 (%rsi)
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vmovups %ymm\number, \number * 32(%r8)
.endr
    vzeroall

reset_vectors:
    fninit
    pushq $0x1f80
    ldmxcsr (%rsp)
    popq %rax
    ret

// uint64_t hold_selectors(uint64_t selector, uint64_t rounds): DS, ES and GS.
.globl hold_selectors
hold_selectors:
    movl %edi, %ds
    movl %edi, %es
    movl %edi, %gs
1:
    decq %rsi
    jnz 1b
    movl %ds, %eax
    movl %es, %ecx
    movl %gs, %edx
    xorl %r8d, %r8d
    movl %r8d, %ds
    movl %r8d, %es
    movl %r8d, %gs
    subl %edi, %eax
    subl %edi, %ecx
    subl %edi, %edx
    orl %ecx, %eax
    orl %edx, %eax
    ret

// uint64_t hold_gs_base(uint64_t expected, uint64_t rounds): the quad at GS:0, read all the time.
.globl hold_gs_base
hold_gs_base:
    cmpq %gs:0, %rdi
    jne 1f
    decq %rsi
    jnz hold_gs_base
    xorl %eax, %eax
    ret
1:
    movl $1, %eax
    ret

.section .note.GNU-stack, "", @progbits
