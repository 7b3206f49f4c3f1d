// User memory is touched here and nowhere else. Contract of the functions: user_copy_raw.h. Plain
// System V functions, interrupts on. Each instruction that touches user memory is listed in
// .user_copy_fixups; a fault that cannot be served continues at its fix-up with the registers as the
// instruction left them, and RFLAGS.AC as it was.
#include "lib/protection.h"

    .macro fixup instruction, continuation
    .pushsection .user_copy_fixups, "a", @progbits
    .quad \instruction, \continuation
    .popsection
    .endm

// Eight bytes at a time, then the tail. A word that straddles into a bad page faults as a whole;
// what is left is then tried again bytewise, so that RCX ends as the exact remainder. That second
// loop stops at the bad page too, within seven bytes.
    .macro copy_body
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
1:  rep movsq
    movl %edx, %ecx
2:  rep movsb
3:
    fixup 1b, 4f
    fixup 2b, 3b
    .endm

// RCX words and RDX bytes are left: as bytes, under the second loop's own fix-up.
    .macro bytewise_retry
4:  leaq (%rdx,%rcx,8), %rcx
    jmp 2b
    .endm

// The same without a source: rdi, and the length in rsi.
    .macro zero_body
    movq %rsi, %rcx
    shrq $3, %rcx
    movl %esi, %edx
    andl $7, %edx
    xorl %eax, %eax
1:  rep stosq
    movl %edx, %ecx
2:  rep stosb
3:
#if PROTECT_ZERO_FIXUP
    fixup 1b, 4f
    fixup 2b, 3b
#endif
    .endm

// A string, word by word while eight bytes fit, then bytewise. rdi: to, rsi: from, rdx: room; RCX
// counts. A word holds a zero byte where (word - 0x01..01) & ~word has bit 7 set; the lowest such bit
// is exact. A word that faults is tried again bytewise, since its first bytes may be good.
    .macro string_body
    movabsq $0x0101010101010101, %r8
    movabsq $0x8080808080808080, %r9
    xorl %ecx, %ecx
    subq $8, %rdx
    jb 3f
1:  movq (%rsi,%rcx), %r10
    movq %r10, (%rdi,%rcx)
    movq %r10, %rax
    subq %r8, %rax
    notq %r10
    andq %r10, %rax
    andq %r9, %rax
    jnz 2f
    addq $8, %rcx
    cmpq %rdx, %rcx
    jbe 1b
    jmp 3f
2:  bsfq %rax, %rax
    shrl $3, %eax
    addq %rcx, %rax
    jmp 6f
3:  addq $8, %rdx
4:  movq %rdx, %rax
    cmpq %rdx, %rcx
    je 6f
    movq $-1, %rax
5:  movb (%rsi,%rcx), %r10b
    movb %r10b, (%rdi,%rcx)
    movq %rcx, %rax
    incq %rcx
    testb %r10b, %r10b
    jnz 4b
6:
#if PROTECT_STRING_FIXUP
    fixup 1b, 3b
    fixup 5b, 6b
#endif
    .endm

    .text

    .globl user_copy_raw
    .type user_copy_raw, @function
user_copy_raw:
    cmpb $0, user_copy_has_smap(%rip)
    je user_copy_without_smap
    stac
    copy_body
    clac
    movq %rcx, %rax
    ret
    bytewise_retry
    .size user_copy_raw, . - user_copy_raw

    .type user_copy_without_smap, @function
user_copy_without_smap:
    copy_body
    movq %rcx, %rax
    ret
    bytewise_retry
    .size user_copy_without_smap, . - user_copy_without_smap

    .globl user_string_raw
    .type user_string_raw, @function
user_string_raw:
    cmpb $0, user_copy_has_smap(%rip)
    je user_string_without_smap
    stac
    string_body
    clac
    ret
    .size user_string_raw, . - user_string_raw

    .type user_string_without_smap, @function
user_string_without_smap:
    string_body
    ret
    .size user_string_without_smap, . - user_string_without_smap

    .globl user_zero_raw
    .type user_zero_raw, @function
user_zero_raw:
    cmpb $0, user_copy_has_smap(%rip)
    je user_zero_without_smap
    stac
    zero_body
    clac
    movq %rcx, %rax
    ret
    bytewise_retry
    .size user_zero_raw, . - user_zero_raw

    .type user_zero_without_smap, @function
user_zero_without_smap:
    zero_body
    movq %rcx, %rax
    ret
    bytewise_retry
    .size user_zero_without_smap, . - user_zero_without_smap

// The instruction is behind a label of its own name, for faults that are no page faults.
    .macro fpu_function name, instruction, label
    .globl \name, \label
    .type \name, @function
\name:
    movl $-1, %eax                      // every component that XCR0 has
    movl %eax, %edx
    cmpb $0, user_copy_has_smap(%rip)
    je \label
    stac
\label:
    \instruction (%rdi)
    movl $1, %eax
1:  cmpb $0, user_copy_has_smap(%rip)
    je 2f
    clac
2:  ret
3:  xorl %eax, %eax
    jmp 1b
#if PROTECT_FPU_FIXUP
    fixup \label, 3b
#endif
    .size \name, . - \name
    .endm

    fpu_function user_fpu_save_raw, xsave64, user_fpu_save_instruction
    fpu_function user_fpu_restore_raw, xrstor64, user_fpu_restore_instruction

// One 32-bit word. RAX: its value (of a compare-exchange: before it); all ones in 64 bits when it
// faulted. The no-fault load continues at its fix-up without asking for the page (trap/fault.c).
    .macro word_function name
    .globl \name
    .type \name, @function
\name:
    cmpb $0, user_copy_has_smap(%rip)
    je 1f
    stac
1:  movl %esi, %eax                     // what a compare-exchange expects
    .endm

    .macro word_function_end name, label
2:  cmpb $0, user_copy_has_smap(%rip)
    je 3f
    clac
3:  ret
4:  movq $-1, %rax
    jmp 2b
#if PROTECT_WORD_FIXUP
    fixup \label, 4b
#endif
    .size \name, . - \name
    .endm

    word_function user_load32_raw
user_load32_instruction:
    movl (%rdi), %eax
    word_function_end user_load32_raw, user_load32_instruction

    word_function user_load32_no_fault_raw
    .globl user_load32_no_fault_instruction
user_load32_no_fault_instruction:
    movl (%rdi), %eax
    word_function_end user_load32_no_fault_raw, user_load32_no_fault_instruction

    word_function user_compare_exchange32_raw
user_compare_exchange32_instruction:
    lock cmpxchgl %edx, (%rdi)
    word_function_end user_compare_exchange32_raw, user_compare_exchange32_instruction
