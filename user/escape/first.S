// A program that writes to its standard output what it found at its first instruction: registers, then
// its data page as it was loaded, then the stack below. leaks.c puts it into an ELF file with a page of
// code at FIRST_CODE and three of data at FIRST_DATA, of which the file has FIRST_FILLED bytes.
#include "first.h"

#define FOUND (FIRST_DATA + 0x1000)
#define VECTORS (FOUND + FIRST_VECTORS)
#define SYS_WRITE 1
#define SYS_ARCH_PRCTL 158
#define SYS_EXIT_GROUP 231

.macro tell address, size
    movl $SYS_WRITE, %eax
    movl $1, %edi
    movq \address, %rsi
    movl $\size, %edx
    syscall
    cmpl $\size, %eax
    jne 9f
.endm

.macro first_store number, register
    movq \register, FOUND + \number * 8
.endm

.macro first_store_selector number, register
    movl \register, %eax
    movq %rax, FOUND + \number * 8
.endm

.section .rodata
.globl first_begin, first_end
first_begin:
.irp pair, "0, %rax", "1, %rbx", "2, %rcx", "3, %rdx", "4, %rsi", "5, %rdi", "6, %rbp", "7, %r8", \
    "8, %r9", "9, %r10", "10, %r11", "11, %r12", "12, %r13", "13, %r14", "14, %r15"
    first_store \pair
.endr
    pushfq
    popq FOUND + 15 * 8
.irp pair, "16, %ds", "17, %es", "18, %fs", "19, %gs"
    first_store_selector \pair
.endr
    fxsave64 VECTORS
    movl $1, %eax
    cpuid
    btl $27, %ecx                       // OSXSAVE
    jnc 1f
    movl $7, %eax
    xorl %edx, %edx
    xsave64 VECTORS + 512
1:
    movl $SYS_ARCH_PRCTL, %eax
    movl $0x1003, %edi
    movl $FOUND + 20 * 8, %esi
    syscall
    movl $SYS_ARCH_PRCTL, %eax
    movl $0x1004, %edi
    movl $FOUND + 21 * 8, %esi
    syscall
    tell $FOUND, FIRST_FOUND_SIZE
    tell $FIRST_DATA, 0x1000
    leaq -FIRST_STACK_SIZE(%rsp), %rbx
    andq $-4096, %rbx
    tell %rbx, FIRST_STACK_SIZE - 4096
    xorl %edi, %edi
    jmp 2f
9:
    movl $1, %edi
2:
    movl $SYS_EXIT_GROUP, %eax
    syscall
first_end:

.section .note.GNU-stack, "", @progbits
