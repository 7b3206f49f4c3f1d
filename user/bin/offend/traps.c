// Exceptions and gates: arithmetic, bad instructions, INT n, selectors, far transfers, FPU,
// stepping. Invariant: an act that survives returns 0.
#include "offend.h"

#include <limits.h>
#include <signal.h>

#define USER_CODE 0x33
#define USER_DATA 0x2b

#define INSTRUCTION_ACT(name, ...)                                                                 \
    static int name(void)                                                                          \
    {                                                                                              \
        __asm__ volatile(__VA_ARGS__);                                                             \
        return 0;                                                                                  \
    }

INSTRUCTION_ACT(divide_by_zero, "divl %%ecx" : : "a"(1), "d"(0), "c"(0) : "cc")
INSTRUCTION_ACT(quotient_overflow, "idivl %%ecx" : : "a"(INT_MIN), "d"(-1), "c"(-1) : "cc")
INSTRUCTION_ACT(undefined, "ud2")
INSTRUCTION_ACT(removed_opcode, ".byte 0x06")
INSTRUCTION_ACT(bad_lock, ".byte 0xf0, 0x90")
INSTRUCTION_ACT(sixteen_bytes, ".fill 15, 1, 0x66; nop")

INSTRUCTION_ACT(breakpoint, "int3")
INSTRUCTION_ACT(breakpoint_long, ".byte 0xcd, 3")
INSTRUCTION_ACT(ice_breakpoint, ".byte 0xf1")
INSTRUCTION_ACT(gate_1, ".byte 0xcd, 1")
INSTRUCTION_ACT(gate_2, ".byte 0xcd, 2")
INSTRUCTION_ACT(gate_4, ".byte 0xcd, 4")
INSTRUCTION_ACT(gate_8, ".byte 0xcd, 8")
INSTRUCTION_ACT(gate_14, ".byte 0xcd, 14")
INSTRUCTION_ACT(gate_20, ".byte 0xcd, 0x20")
INSTRUCTION_ACT(gate_e0, ".byte 0xcd, 0xe0")
INSTRUCTION_ACT(gate_ff, ".byte 0xcd, 0xff")
INSTRUCTION_ACT(gate_80, "int $0x80" : : "a"(20) : "memory")

INSTRUCTION_ACT(ds_kernel, "movl %%eax, %%ds" : : "a"(0x10))
INSTRUCTION_ACT(ds_kernel_rpl, "movl %%eax, %%ds" : : "a"(0x13))
INSTRUCTION_ACT(es_local, "movl %%eax, %%es" : : "a"(0x07))
INSTRUCTION_ACT(gs_beyond, "movl %%eax, %%gs" : : "a"(0xfff3))
INSTRUCTION_ACT(ss_null, "movl %%eax, %%ss" : : "a"(0))
INSTRUCTION_ACT(ss_kernel, "movl %%eax, %%ss" : : "a"(0x10))

// The 32-bit form: the only one that AMD and Intel processors share.
struct far_pointer {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed));

static int far_jump(uint16_t selector, uint32_t offset)
{
    struct far_pointer target = { offset, selector };
    __asm__ volatile("ljmpl *%0" : : "m"(target) : "memory");
    return 0;
}

static int far_jump_kernel(void)
{
    return far_jump(0x08, (uint32_t)KERNEL_IMAGE);
}

static int far_jump_kernel_rpl(void)
{
    return far_jump(0x0b, (uint32_t)KERNEL_IMAGE);
}

static int far_jump_tss(void)
{
    return far_jump(0x40, 0);
}

static int far_call_kernel(void)
{
    struct far_pointer target = { (uint32_t)KERNEL_IMAGE, 0x08 };
    __asm__ volatile("lcalll *%0" : : "m"(target) : "memory");
    return 0;
}

INSTRUCTION_ACT(far_return_kernel, "pushq $0x08; pushq %0; lretq" : : "r"(KERNEL_IMAGE) : "memory")

// Legal: the same privilege. QEMU's TCG reads the stack with the kernel's rights here, so that
// under SMAP it faults; what then arrives says "supervisor" though the program runs.
INSTRUCTION_ACT(far_return_user, "leaq 1f(%%rip), %%rax; pushq %0; pushq %%rax; lretq; 1: nop"
                :
                : "i"(USER_CODE)
                : "rax", "memory")

static int return_by_iret(uint64_t selector, uint64_t address)
{
    __asm__ volatile("movq %%rsp, %%rdx\n"
                     "pushq %0\n"
                     "pushq %%rdx\n"
                     "pushfq\n"
                     "pushq %1\n"
                     "pushq %2\n"
                     "iretq"
                     :
                     : "i"(USER_DATA), "r"(selector), "r"(address)
                     : "rdx", "memory");
    return 0;
}

static int iret_kernel(void)
{
    return return_by_iret(0x08, KERNEL_IMAGE);
}

static int iret_non_canonical(void)
{
    return return_by_iret(USER_CODE, NON_CANONICAL);
}

// x87 zero divide, unmasked, noticed by the next waiting instruction.
INSTRUCTION_ACT(x87_divide, "fninit; fldcw %0; fld1; fldz; fdivrp %%st, %%st(1); fwait"
                :
                : "m"((const uint16_t){ 0x37b }))
// The same without the waiting instruction: pending across system calls and switches, whose code
// must not stumble over it.
INSTRUCTION_ACT(x87_pending,
                "fninit; fldcw %0; fld1; fldz; fdivrp %%st, %%st(1)\n"
                "movl $24, %%eax; syscall\n" // sched_yield
                "movl $24, %%eax; syscall\n"
                "xorl %%edi, %%edi; movl $231, %%eax; syscall" // exit_group(0)
                :
                : "m"((const uint16_t){ 0x37b })
                : "rax", "rcx", "rdi", "r11", "memory")
INSTRUCTION_ACT(sse_divide,
                "ldmxcsr %0; movsd %1, %%xmm0; xorpd %%xmm1, %%xmm1; divsd %%xmm1, %%xmm0"
                :
                : "m"((const uint32_t){ 0x1d80 }), "m"((const double){ 1.0 })
                : "xmm0", "xmm1")
INSTRUCTION_ACT(mxcsr_reserved, "ldmxcsr %0" : : "m"((const uint32_t){ 0xffff0000 }))
INSTRUCTION_ACT(movaps_misaligned, "movaps 8(%0), %%xmm0"
                :
                : "r"((uintptr_t)__builtin_frame_address(0) & ~15ul)
                : "xmm0")

INSTRUCTION_ACT(alignment_check, "pushfq; orl $0x40000, (%%rsp); popfq\n"
                                 "movl -63(%%rsp), %%eax\n"
                                 "pushfq; andl $~0x40000, (%%rsp); popfq"
                :
                :
                : "rax", "cc", "memory")
INSTRUCTION_ACT(single_step, "pushfq; orl $0x100, (%%rsp); popfq; nop; nop" : : : "cc", "memory")
// MOV SS holds a debug exception back for one instruction; the one after it must not enter the
// kernel with it (CVE-2018-8897).
INSTRUCTION_ACT(step_over_mov_ss,
                "movl %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); popfq; movl %%ecx, %%ss; int3"
                :
                :
                : "rcx", "cc", "memory")
INSTRUCTION_ACT(step_into_syscall,
                "movl $39, %%eax; pushfq; orl $0x100, (%%rsp); popfq; syscall; nop"
                :
                :
                : "rax", "rcx", "r11", "cc", "memory")
INSTRUCTION_ACT(mov_ss_step_into_syscall,
                "movl $39, %%eax; movl %%ss, %%ecx; pushfq; orl $0x100, (%%rsp); popfq\n"
                "movl %%ecx, %%ss; syscall; nop"
                :
                :
                : "rax", "rcx", "r11", "cc", "memory")

const struct offence trap_offences[] = {
    { "divide-by-zero", divide_by_zero, SIGFPE, 0 },
    { "quotient-overflow", quotient_overflow, SIGFPE, 0 },
    { "undefined", undefined, SIGILL, 0 },
    { "removed-opcode", removed_opcode, SIGILL, 0 },
    { "bad-lock", bad_lock, SIGILL, 0 },
    { "sixteen-bytes", sixteen_bytes, SIGSEGV, 0 },
    { "int3", breakpoint, SIGTRAP, 0 },
    { "int-3", breakpoint_long, SIGTRAP, 0 },
    { "int1", ice_breakpoint, SIGTRAP, EMULATOR_SAYS_ILL },
    { "int-1", gate_1, SIGSEGV, 0 },
    { "int-2", gate_2, SIGSEGV, 0 },
    { "int-4", gate_4, SIGSEGV, 0 },
    { "int-8", gate_8, SIGSEGV, 0 },
    { "int-14", gate_14, SIGSEGV, 0 },
    { "int-0x20", gate_20, SIGSEGV, 0 },
    { "int-0xe0", gate_e0, SIGSEGV, 0 },
    { "int-0xff", gate_ff, SIGSEGV, 0 },
    { "int-0x80", gate_80, SIGSEGV, LINUX_ALLOWS },
    { "ds-kernel", ds_kernel, SIGSEGV, 0 },
    { "ds-kernel-rpl3", ds_kernel_rpl, SIGSEGV, 0 },
    { "es-local", es_local, SIGSEGV, 0 },
    { "gs-beyond-table", gs_beyond, SIGSEGV, 0 },
    { "ss-null", ss_null, SIGSEGV, 0 },
    { "ss-kernel", ss_kernel, SIGSEGV, 0 },
    { "far-jump-kernel", far_jump_kernel, SIGSEGV, 0 },
    { "far-jump-kernel-rpl3", far_jump_kernel_rpl, SIGSEGV, 0 },
    { "far-jump-tss", far_jump_tss, SIGSEGV, 0 },
    { "far-call-kernel", far_call_kernel, SIGSEGV, 0 },
    { "far-return-kernel", far_return_kernel, SIGSEGV, 0 },
    { "far-return-user", far_return_user, 0, EMULATOR_KILLS },
    { "iret-kernel", iret_kernel, SIGSEGV, 0 },
    { "iret-non-canonical", iret_non_canonical, SIGSEGV, 0 },
    { "x87-divide", x87_divide, SIGFPE, 0 },
    { "x87-pending", x87_pending, 0, 0 },
    { "sse-divide", sse_divide, SIGFPE, EMULATOR_BLIND },
    { "mxcsr-reserved", mxcsr_reserved, SIGSEGV, EMULATOR_BLIND },
    { "movaps-misaligned", movaps_misaligned, SIGSEGV, EMULATOR_BLIND },
    { "alignment-check", alignment_check, SIGBUS, EMULATOR_BLIND },
    { "single-step", single_step, SIGTRAP, 0 },
    { "step-over-mov-ss", step_over_mov_ss, SIGTRAP, 0 },
    { "step-into-syscall", step_into_syscall, SIGTRAP, 0 },
    { "mov-ss-step-into-syscall", mov_ss_step_into_syscall, SIGTRAP, 0 },
};
const size_t trap_offence_count = COUNT_OF(trap_offences);
