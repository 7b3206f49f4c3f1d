// The single instructions that the scenes are about, each with labels so that the tour can compare
// addresses with those in the event ring. System V functions.
#include "layout.h"

.macro FUNCTION name
    .globl \name
    .type \name, @function
\name:
.endm

.macro LABEL name
    .globl \name
\name:
.endm

    .text

// Privileged instructions and port access. Should one of them be allowed, nothing comes of it.
FUNCTION do_cli
    LABEL at_cli
    cli
    sti
    xorl %eax, %eax
    ret
FUNCTION do_in
    LABEL at_in
    inb $0x64, %al                      // the keyboard controller's status
    xorl %eax, %eax
    ret
FUNCTION do_out
    LABEL at_out
    outb %al, $0x80                     // the port of the firmware's progress codes
    xorl %eax, %eax
    ret
FUNCTION do_hlt
    LABEL at_hlt
    hlt
    xorl %eax, %eax
    ret
FUNCTION do_load_cr3
    xorl %eax, %eax
    LABEL at_load_cr3
    movq %rax, %cr3
    ret

// The trap table: load another, change where system calls enter, ask where it lies, write into it.
FUNCTION do_lidt
    LABEL at_lidt
    lidt no_table(%rip)
    xorl %eax, %eax
    ret
FUNCTION do_wrmsr
    movl $0xc0000082, %ecx              // LSTAR
    xorl %eax, %eax
    xorl %edx, %edx
    LABEL at_wrmsr
    wrmsr
    xorl %eax, %eax
    ret
FUNCTION do_sidt
    LABEL at_sidt
    sidt -16(%rsp)
    xorl %eax, %eax
    ret
// int write_zero(uint32_t *address)
FUNCTION write_zero
    LABEL at_write
    movl $0, (%rdi)
    xorl %eax, %eax
    ret
// int read_word(void *address)
FUNCTION read_word
    LABEL at_read_word
    movq (%rdi), %rax
    xorl %eax, %eax
    ret

// void loop_until(uint64_t tsc): no call, no trap of its own, until the time stamp counter says so or
// the shared page's first word.
FUNCTION loop_until
    LABEL loop_begin
    cmpq $0, SHARED_PAGE
    jne loop_end
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    cmpq %rdi, %rax
    jb loop_begin
    LABEL loop_end
    ret

// Every general register but RSP gets a value of its own, from RDI in steps; every vector register
// twice that of the general one. The pointer in RSI is kept on the stack.
.macro ENTER
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rsi
    movq %rdi, %rax
    movabsq $PATTERN_STEP, %rcx
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movq %rdi, %xmm\number
    punpcklqdq %xmm\number, %xmm\number
    addq %rcx, %rdi
.endr
    leaq (%rax, %rcx, 2), %rdx
    leaq (%rdx, %rcx), %rbx
    leaq (%rbx, %rcx, 2), %rbp          // RSP's number is left out
    leaq (%rbp, %rcx), %rsi
    leaq (%rsi, %rcx), %rdi
    leaq (%rdi, %rcx), %r8
    leaq (%r8, %rcx), %r9
    leaq (%r9, %rcx), %r10
    leaq (%r10, %rcx), %r11
    leaq (%r11, %rcx), %r12
    leaq (%r12, %rcx), %r13
    leaq (%r13, %rcx), %r14
    leaq (%r14, %rcx), %r15
    addq %rax, %rcx
.endm

// Stores what every register holds into struct register_image at the kept pointer, and returns.
.macro LEAVE
    xchgq %rax, (%rsp)
    movq %rcx, 8(%rax)
    movq %rdx, 16(%rax)
    movq %rbx, 24(%rax)
    movq %rbp, 40(%rax)
    movq %rsi, 48(%rax)
    movq %rdi, 56(%rax)
    movq %r8, 64(%rax)
    movq %r9, 72(%rax)
    movq %r10, 80(%rax)
    movq %r11, 88(%rax)
    movq %r12, 96(%rax)
    movq %r13, 104(%rax)
    movq %r14, 112(%rax)
    movq %r15, 120(%rax)
.irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\number, IMAGE_VECTORS + 16 * \number(%rax)
.endr
    popq %rcx
    movq %rcx, (%rax)
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.endm

// void call_with_pattern(uint64_t first, struct register_image *after): getppid() with a pattern in
// the registers. RAX is the call's number before and its result afterwards.
FUNCTION call_with_pattern
    ENTER
    movl $CALL_NUMBER, %eax
    syscall
    LABEL after_call
    LEAVE

// void hold_pattern(uint64_t first, struct register_image *after): holds the pattern, without any
// call, until the shared page's first word says go.
FUNCTION hold_pattern
    ENTER
    LABEL hold_begin
    pause
    cmpq $0, SHARED_PAGE
    je hold_begin
    LABEL hold_end
    LEAVE

    .section .rodata
    .balign 8
no_table:
    .quad 0, 0

    .section .note.GNU-stack, "", @progbits
