// Shows rows 1 and 6 of kernel/README.md: no C library, only system calls. Checks what a new
// program must find: general registers zero, flags 0x202, vector registers empty, x87 and MXCSR as
// reset.
// Exits 0, or with the number of the first check that failed (1 general registers, 2 flags, 3 MXCSR,
// 4 x87 control, 5 vector registers, 6 their upper halves, 7 x87 tags, 8 stack alignment).

#define SYS_WRITE 1
#define SYS_EXIT_GROUP 231
#define FLAGS_AT_START 0x202
#define MXCSR_AT_START 0x1f80
#define X87_CONTROL_AT_START 0x37f
#define CPUID_OSXSAVE_AVX (1 << 27 | 1 << 28)
#define XCR0_SSE_AVX 6

.section .rodata
good:
    .ascii "raw: every register was clear\n"
good_end:
bad:
    .ascii "raw: a register was not clear, check "
bad_end:

.section .bss
.balign 16
scratch:
    .skip 64

.text
.globl _start
_start:
    // Without touching flags or memory first: collect every general register in rax.
    pushfq
    orq %rbx, %rax
    orq %rcx, %rax
    orq %rdx, %rax
    orq %rsi, %rax
    orq %rdi, %rax
    orq %rbp, %rax
    orq %r8, %rax
    orq %r9, %rax
    orq %r10, %rax
    orq %r11, %rax
    orq %r12, %rax
    orq %r13, %rax
    orq %r14, %rax
    orq %r15, %rax
    popq %rcx
    movl $1, %r15d
    testq %rax, %rax
    jnz failed

    movl $2, %r15d
    cmpq $FLAGS_AT_START, %rcx
    jne failed

    movl $3, %r15d
    stmxcsr scratch(%rip)
    cmpl $MXCSR_AT_START, scratch(%rip)
    jne failed

    movl $4, %r15d
    fnstcw scratch(%rip)
    cmpw $X87_CONTROL_AT_START, scratch(%rip)
    jne failed

    movl $5, %r15d
.irp number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    por %xmm\number, %xmm0
.endr
    movdqa %xmm0, scratch(%rip)
    movq scratch(%rip), %rax
    orq scratch + 8(%rip), %rax
    jnz failed

    movl $6, %r15d
    movl $1, %eax
    xorl %ecx, %ecx
    cpuid
    notl %ecx
    testl $CPUID_OSXSAVE_AVX, %ecx
    jnz no_upper_halves
    xorl %ecx, %ecx
    xgetbv
    notl %eax
    testl $XCR0_SSE_AVX, %eax
    jnz no_upper_halves
    vextractf128 $1, %ymm0, %xmm0
.irp number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vextractf128 $1, %ymm\number, %xmm1
    vorps %xmm1, %xmm0, %xmm0
.endr
    vmovdqa %xmm0, scratch(%rip)
    movq scratch(%rip), %rax
    orq scratch + 8(%rip), %rax
    jnz failed
no_upper_halves:

    movl $7, %r15d
    fnstenv scratch(%rip)
    cmpw $0xffff, scratch + 8(%rip)
    jne failed

    movl $8, %r15d
    testq $15, %rsp
    jnz failed

    leaq good(%rip), %rsi
    movl $good_end - good, %edx
    xorl %r15d, %r15d
    movl $1, %edi
    movl $SYS_WRITE, %eax
    syscall
leave:
    movl %r15d, %edi
    movl $SYS_EXIT_GROUP, %eax
    syscall
    ud2

failed:
    leaq bad(%rip), %rsi
    movl $bad_end - bad, %edx
    movl $1, %edi
    movl $SYS_WRITE, %eax
    syscall
    leal '0'(%r15), %eax
    movb %al, scratch(%rip)
    movb $'\n', scratch + 1(%rip)
    leaq scratch(%rip), %rsi
    movl $2, %edx
    movl $1, %edi
    movl $SYS_WRITE, %eax
    syscall
    jmp leave
