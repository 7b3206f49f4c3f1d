// Every exception that ring 3 can raise but page faults, with the siginfo that Linux gives
// (sigaction(2); Linux's values were seen on a processor, not assumed). INT n for every n.
#include "registers.h"

#include <sys/mman.h>

// Saved behind the instruction.
#define BREAKPOINT                                                                                 \
    {                                                                                              \
        SIGTRAP, SI_KERNEL, 3, true, ADDRESS_ZERO, 0                                               \
    }
#define DEBUG_TRAP(trap_code)                                                                      \
    {                                                                                              \
        SIGTRAP, (trap_code), 1, true, ADDRESS_AT, 0                                               \
    }
#define OVERFLOW                                                                                   \
    {                                                                                              \
        SIGSEGV, SI_KERNEL, 4, true, ADDRESS_ZERO, 0                                               \
    }
#define DIVIDE                                                                                     \
    {                                                                                              \
        SIGFPE, FPE_INTDIV, 0, false, ADDRESS_AT, 0                                                \
    }
#define STACK_FAULT                                                                                \
    {                                                                                              \
        SIGBUS, SI_KERNEL, 12, false, ADDRESS_ZERO, 0                                              \
    }
#define X87(float_code)                                                                            \
    {                                                                                              \
        SIGFPE, (float_code), 16, false, ADDRESS_AT, 0                                             \
    }
#define SIMD(float_code)                                                                           \
    {                                                                                              \
        SIGFPE, (float_code), 19, false, ADDRESS_AT, 0                                             \
    }
#define ALIGNMENT                                                                                  \
    {                                                                                              \
        SIGBUS, BUS_ADRALN, 17, false, ADDRESS_ZERO, 0                                             \
    }

#define NON_CANONICAL 0x0000800000000000ul

CODE(divide_by_zero, "", "divl %ecx");
CODE(quotient_overflow, "", "idivl %ecx");
CODE(single_step, "pushq $0x347; popfq", "nop");
CODE(ice_breakpoint, "", ".byte 0xf1");
CODE(int3, "", "int3");
CODE(int_3, "", ".byte 0xcd, 3");
CODE(int_4, "", ".byte 0xcd, 4");
CODE(into, "", ".byte 0xce");
CODE(bound, "", ".byte 0x62, 0xc0");
CODE(ud0, "", ".byte 0x0f, 0xff, 0xc0");
CODE(ud1, "", ".byte 0x0f, 0xb9, 0xc0");
CODE(ud2, "", "ud2");
CODE(lock_nop, "", ".byte 0xf0, 0x90");
CODE(lock_load, "", ".byte 0xf0, 0x48, 0x8b, 0x00");
CODE(sixteen_bytes, "", ".fill 15, 1, 0x66; nop");
CODE(load, "", "movq (%rax), %rcx");
CODE(store, "", "movq %rcx, (%rax)");
CODE(push_on, "movq %rax, %rsp", "pushq %rcx");
CODE(load_rbp, "movq %rax, %rbp", "movq (%rbp), %rcx");
CODE(call_on, "movq %rax, %rsp", "call registers_back");
CODE(jump, "", "jmp *%rax");
CODE(near_return, "pushq %rax", "retq");
CODE(misaligned, "", "movaps 8(%rsp), %xmm0");
CODE(mxcsr_reserved, "movl $0xffff0000, -8(%rsp)", "ldmxcsr -8(%rsp)");
CODE(alignment_check, "pushq $0x40247; popfq", "movl 1(%rsp), %ecx");

// Masks open one exception each; the waiting instruction behind the offender gets the fault.
#define X87_MASK(word) "fninit; movw $" word ", -8(%rsp); fldcw -8(%rsp); "
CODE(x87_invalid, X87_MASK("0x37e") "fldz; fldz; fdivrp %st, %st(1)", "fwait");
CODE(x87_denormal, X87_MASK("0x37d") "fldl denormal(%rip)", "fwait");
CODE(x87_divide, X87_MASK("0x37b") "fld1; fldz; fdivrp %st, %st(1)", "fwait");
CODE(x87_overflow, X87_MASK("0x377") "fldt huge(%rip); fmul %st(0), %st", "fwait");
CODE(x87_underflow, X87_MASK("0x36f") "fldt tiny(%rip); fmul %st(0), %st", "fwait");
CODE(x87_precision, X87_MASK("0x35f") "fld1; fldpi; fdivrp %st, %st(1)", "fwait");
// Left pending across system calls and switches, whose code must not stumble over it.
CODE(x87_pending, X87_MASK("0x37b") "fld1; fldz; fdivrp %st, %st(1)",
     "movl $24, %eax; syscall; movl $24, %eax; syscall; fnclex");

#define SSE_MASK(word) "movl $" word ", -8(%rsp); ldmxcsr -8(%rsp); xorpd %xmm1, %xmm1; "
CODE(sse_invalid, SSE_MASK("0x1f00"), "divsd %xmm1, %xmm1");
CODE(sse_denormal, SSE_MASK("0x1e80") "movsd denormal(%rip), %xmm0", "addsd %xmm0, %xmm1");
CODE(sse_divide, SSE_MASK("0x1d80") "movsd one(%rip), %xmm0", "divsd %xmm1, %xmm0");
CODE(sse_overflow, SSE_MASK("0x1b80") "movsd large(%rip), %xmm0", "mulsd %xmm0, %xmm0");
CODE(sse_underflow, SSE_MASK("0x1780") "movsd small(%rip), %xmm0", "mulsd %xmm0, %xmm0");
CODE(sse_precision, SSE_MASK("0x0f80") "movsd one(%rip), %xmm0", "divsd three(%rip), %xmm0");
__asm__(".section .rodata\n.balign 16\n"
        "huge: .quad 0x8000000000000000; .word 0x7ffe\n"
        ".balign 16\ntiny: .quad 0x8000000000000000; .word 1\n"
        ".balign 16\none: .double 1\nthree: .double 3\n"
        "large: .double 1e300\nsmall: .double 1e-300\ndenormal: .quad 1\n.text\n");

CODE(step_mov_ss_int3, "movl %ss, %ecx; pushq $0x347; popfq; movl %ecx, %ss", "int3");
CODE(step_syscall, "movl $39, %eax; pushq $0x347; popfq", "syscall; nop");
CODE(step_mov_ss_syscall, "movl $39, %eax; movl %ss, %ecx; pushq $0x347; popfq; movl %ecx, %ss",
     "syscall; nop");

// INT n, eight bytes each.
__asm__(".text\n.balign 8\ninterrupts:\n.set n, 0\n.rept 256\n.byte 0xcd, n\njmp registers_back\n"
        ".balign 8\n.set n, n + 1\n.endr\n");
extern const char interrupts[];

static bool vector_is_open(unsigned vector)
{
    return vector == 3 || vector == 4 || (vector == 0x80 && !kernel_is_ringfence());
}

static int every_interrupt(const struct attempt *attempt)
{
    // The error code has the index of the IDT's entry from bit 3 on (SDM vol. 3A, 6.13); TCG has it
    // one bit higher, as if it were an offset.
    unsigned entry_size = reason_applies(IN_TCG) ? 16 : 8;
    registers_prepare();
    for (unsigned vector = 0; vector < 256; vector++) {
        const char *at = interrupts + vector * 8;
        const struct code code = { at, at, at + 2 };
        struct seen seen = registers_try(at);
        if (vector_is_open(vector))
            continue; // rows of their own
        if (expect_protection(&seen, &code, vector * entry_size + 2, vector) ||
            registers_compare(0))
            return 1;
    }
    return 0;
}

// Opcodes that 64-bit mode took away.
static int removed_opcodes(const struct attempt *attempt)
{
    static const unsigned char opcodes[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f,
                                             0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82,
                                             0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea };
    unsigned char *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return attempt_note("no page");
    registers_prepare();
    for (size_t i = 0; i < COUNT_OF(opcodes); i++) {
        page[0] = opcodes[i];
        struct seen seen = registers_try(page);
        if (seen.signal != SIGILL || seen.code != ILL_ILLOPN || seen.trap != 6 ||
            seen.address != (uint64_t)page || seen.rip != (uint64_t)page || registers_compare(0))
            return attempt_note("%#x: signal %d vector %d", opcodes[i], seen.signal, seen.trap);
    }
    return 0;
}

#define FAULTS(label, identifier, due, ...)                                                        \
    { .name = label, INSTRUCTION(identifier, __VA_ARGS__), .must = due },
#define IN_EMULATOR(there, label, identifier, due, ...)                                            \
    { .name = label,                                                                               \
      INSTRUCTION(identifier, __VA_ARGS__),                                                        \
      .must = due,                                                                                 \
      .otherwise = { { IN_TCG, there } } },
#define FLOATS(label, identifier, due)                                                             \
    { .name = label,                                                                               \
      INSTRUCTION(identifier, .changes = VECTORS_CHANGE | STACK_CHANGES),                          \
      .must = due },
#define BLIND(label, identifier, due)                                                              \
    { .name = label,                                                                               \
      INSTRUCTION(identifier,                                                                      \
                  .changes = VECTORS_CHANGE | STACK_CHANGES | FLAGS_CHANGE | BIT(RCX)),            \
      .must = due,                                                                                 \
      .otherwise = { { IN_TCG, HARMLESS } } },
#define STEPPED STACK_CHANGES | FLAGS_CHANGE | BIT(RAX) | BIT(RCX) | BIT(R11)

// clang-format off
static const struct attempt attempts[] = {
    FAULTS("divide-by-zero", divide_by_zero, DIVIDE, .set = { REGISTERS(RCX, 0) })
    FAULTS("quotient-overflow", quotient_overflow, DIVIDE,
           .set = { REGISTERS(RAX, 0x80000000), REGISTERS(RDX, -1ul), REGISTERS(RCX, -1ul) })
    FAULTS("single-step", single_step, DEBUG_TRAP(TRAP_TRACE), .changes = STACK_CHANGES | FLAGS_CHANGE)
    IN_EMULATOR(UNDEFINED, "icebp", ice_breakpoint, DEBUG_TRAP(TRAP_BRKPT))
    FAULTS("int3", int3, BREAKPOINT)
    FAULTS("int-3", int_3, BREAKPOINT)
    FAULTS("int-4", int_4, OVERFLOW)
    FAULTS("into", into, UNDEFINED)
    FAULTS("bound", bound, UNDEFINED)
    FAULTS("ud0", ud0, UNDEFINED)
    FAULTS("ud1", ud1, UNDEFINED)
    FAULTS("ud2", ud2, UNDEFINED)
    FAULTS("lock-nop", lock_nop, UNDEFINED)
    // TCG lets LOCK through, and then the address is not canonical.
    IN_EMULATOR(PROTECTION(0), "lock-load", lock_load, UNDEFINED)
    FAULTS("sixteen-bytes", sixteen_bytes, PROTECTION(0))
    FAULTS("non-canonical-load", load, PROTECTION(0), .address = NON_CANONICAL)
    FAULTS("non-canonical-store", store, PROTECTION(0), .address = 0xffff7fffffffffffu)
    // TCG looks at the first page first.
    IN_EMULATOR(NOT_MAPPED(5), "non-canonical-straddle", load, PROTECTION(0), .address = NON_CANONICAL - 4)
    // TCG arrives and faults there.
    IN_EMULATOR(KILLED(SIGSEGV), "non-canonical-jump", jump, PROTECTION(0), .address = NON_CANONICAL)
    IN_EMULATOR(KILLED(SIGSEGV), "non-canonical-return", near_return, PROTECTION(0),
                .address = NON_CANONICAL, .changes = STACK_CHANGES | BIT(RSP))
    // TCG knows no #SS here.
    IN_EMULATOR(PROTECTION(0), "stack-non-canonical-push", push_on, STACK_FAULT,
                .address = NON_CANONICAL + 4096, .changes = BIT(RSP))
    IN_EMULATOR(PROTECTION(0), "stack-non-canonical-call", call_on, STACK_FAULT,
                .address = NON_CANONICAL + 4096, .changes = BIT(RSP))
    IN_EMULATOR(PROTECTION(0), "stack-non-canonical-rbp", load_rbp, STACK_FAULT,
                .address = NON_CANONICAL, .changes = BIT(RBP))
    FAULTS("movaps-misaligned", misaligned, PROTECTION(0))
    // TCG does not look at MXCSR's reserved bits, nor at AC, nor raises SSE's exceptions.
    BLIND("mxcsr-reserved", mxcsr_reserved, PROTECTION(0))
    BLIND("alignment-check", alignment_check, ALIGNMENT)
    FLOATS("x87-invalid", x87_invalid, X87(FPE_FLTINV))
    BLIND("x87-denormal", x87_denormal, X87(FPE_FLTUND))
    FLOATS("x87-divide", x87_divide, X87(FPE_FLTDIV))
    FLOATS("x87-overflow", x87_overflow, X87(FPE_FLTOVF))
    FLOATS("x87-underflow", x87_underflow, X87(FPE_FLTUND))
    FLOATS("x87-precision", x87_precision, X87(FPE_FLTRES))
    FAULTS("x87-pending", x87_pending, HARMLESS,
           .changes = VECTORS_CHANGE | STACK_CHANGES | BIT(RAX) | BIT(RCX) | BIT(R11))
    BLIND("sse-invalid", sse_invalid, SIMD(FPE_FLTINV))
    BLIND("sse-denormal", sse_denormal, SIMD(FPE_FLTUND))
    BLIND("sse-divide", sse_divide, SIMD(FPE_FLTDIV))
    BLIND("sse-overflow", sse_overflow, SIMD(FPE_FLTOVF))
    BLIND("sse-underflow", sse_underflow, SIMD(FPE_FLTUND))
    BLIND("sse-precision", sse_precision, SIMD(FPE_FLTRES))
    // MOV SS holds a debug trap back for one instruction; the one after it must not enter the kernel
    // with it (CVE-2018-8897).
    FAULTS("step-mov-ss-int3", step_mov_ss_int3, TRAP(SI_KERNEL, ADDRESS_ANY), .changes = STEPPED)
    FAULTS("step-syscall", step_syscall, TRAP(TRAP_TRACE, ADDRESS_AT), .changes = STEPPED)
    FAULTS("step-mov-ss-syscall", step_mov_ss_syscall, TRAP(TRAP_TRACE, ADDRESS_AT), .changes = STEPPED)
    { .name = "every-int-n", .run = every_interrupt, .must = HARMLESS },
    { .name = "removed-opcodes", .run = removed_opcodes, .must = HARMLESS },
};
// clang-format on
GROUP(vectors, "every exception, INT n for every n", attempts);
