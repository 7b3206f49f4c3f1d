// Exception to signal, si_code and si_addr, as Linux gives them (sigaction(2),
// asm-generic/siginfo.h).
#include "trap/fault_signal.h"

#include "abi/process.h"
#include "cpu/frame.h"

#define MXCSR_MASK_SHIFT 7u

// x87 and SSE report the exceptions in the same bit order: IE DE ZE OE UE PE. Unmasked ones count.
static int32_t float_code(uint32_t unmasked)
{
    if (unmasked & 1)
        return FPE_FLTINV;
    if (unmasked & 4)
        return FPE_FLTDIV;
    if (unmasked & 8)
        return FPE_FLTOVF;
    if (unmasked & (16 | 2)) // a denormal operand counts as underflow
        return FPE_FLTUND;
    if (unmasked & 32)
        return FPE_FLTRES;
    return 0;
}

static int32_t x87_code(void)
{
    uint16_t control, status;

    __asm__ volatile("fnstcw %0" : "=m"(control));
    __asm__ volatile("fnstsw %0" : "=m"(status));
    return float_code(status & ~control & 0x3f);
}

static int32_t sse_code(void)
{
    uint32_t mxcsr;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return float_code(mxcsr & ~(mxcsr >> MXCSR_MASK_SHIFT) & 0x3f);
}

struct fault_info fault_signal(const struct trap_frame *frame, bool single_step)
{
    struct fault_info fault = {
        .signal = SIGSEGV,
        .code = SI_KERNEL,
        .vector = frame->vector,
        .error = frame->error,
    };

    switch (frame->vector) {
    case VECTOR_DIVIDE:
        fault.signal = SIGFPE;
        fault.code = FPE_INTDIV;
        fault.address = frame->rip;
        break;
    case VECTOR_DEBUG:
        fault.signal = SIGTRAP;
        fault.code = single_step ? TRAP_TRACE : TRAP_BRKPT;
        fault.address = frame->rip;
        break;
    case VECTOR_BREAKPOINT:
        fault.signal = SIGTRAP;
        break;
    case VECTOR_INVALID_OPCODE:
        fault.signal = SIGILL;
        fault.code = ILL_ILLOPN;
        fault.address = frame->rip;
        break;
    case VECTOR_NO_SEGMENT:
    case VECTOR_STACK:
        fault.signal = SIGBUS;
        break;
    case VECTOR_FPU:
        fault.signal = SIGFPE;
        fault.code = x87_code();
        fault.address = frame->rip;
        break;
    case VECTOR_ALIGNMENT:
        fault.signal = SIGBUS;
        fault.code = BUS_ADRALN;
        break;
    case VECTOR_SIMD:
        fault.signal = SIGFPE;
        fault.code = sse_code();
        fault.address = frame->rip;
        break;
    }
    return fault;
}

const char *vector_name(uint64_t vector)
{
    static const char *const names[] = {
        "divide error",
        "debug trap",
        "NMI",
        "breakpoint",
        "overflow",
        "bound range exceeded",
        "invalid opcode",
        "no FPU",
        "double fault",
        "coprocessor segment overrun",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "general protection fault",
        "page fault",
        "reserved exception",
        "x87 error",
        "alignment check",
        "machine check",
        "SIMD error",
        "virtualization exception",
        "control protection exception",
    };

    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "unknown exception";
}
