// The trap frame: user or kernel register state as an entry leaves it on the kernel stack. One
// layout for SYSCALL, interrupts and exceptions; entry.S builds it, drawn here once (low to high).
#pragma once

#include "lib/types.h"

struct trap_frame {
    // pushed by entry code
    uint64_t r15, r14, r13, r12, rbp, rbx; // callee-saved by the System V ABI
    uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector; // 0..255; VECTOR_SYSCALL for SYSCALL, or VECTOR_SIGRETURN
    uint64_t error;  // hardware's error code, 0 where there is none; SYSCALL: the number in rax
    // pushed by hardware (or by the SYSCALL entry to look the same)
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) == 22 * 8, "trap_frame layout");

#define VECTOR_SYSCALL 256u
#define VECTOR_SIGRETURN 257u // entered by SYSCALL, but every register is now a signal frame's

// Who was interrupted is decided by the saved CS, never by an error-code bit.
static inline bool frame_is_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) == 3;
}

#define RFLAGS_CF (1ull << 0)
#define RFLAGS_FIXED (1ull << 1)
#define RFLAGS_PF (1ull << 2)
#define RFLAGS_AF (1ull << 4)
#define RFLAGS_ZF (1ull << 6)
#define RFLAGS_SF (1ull << 7)
#define RFLAGS_TF (1ull << 8)
#define RFLAGS_IF (1ull << 9)
#define RFLAGS_DF (1ull << 10)
#define RFLAGS_OF (1ull << 11)
#define RFLAGS_IOPL (3ull << 12)
#define RFLAGS_NT (1ull << 14)
#define RFLAGS_RF (1ull << 16)
#define RFLAGS_AC (1ull << 18)
#define RFLAGS_ID (1ull << 21)

// Segment selectors; the order SYSRET and SYSCALL demand (SDM vol. 2B, SYSCALL/SYSRET). There is no
// 32-bit code descriptor: SYSRET with a 32-bit operand would load KERNEL_... + 16, which is data.
#define SELECTOR_KERNEL_CODE 0x08u
#define SELECTOR_KERNEL_DATA 0x10u
#define SELECTOR_USER_DATA 0x2bu
#define SELECTOR_USER_CODE 0x33u
#define SELECTOR_CPU_NUMBER 0x3bu // its limit is the CPU's number, for LSL in programs
#define SELECTOR_TSS 0x40u

// One past the last address that user programs may use: the last page below the canonical hole is
// never mapped, so that a SYSCALL at its end has a canonical return address.
#define USER_ADDRESS_LIMIT 0x00007ffffffff000ull

enum vector {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_OVERFLOW = 4,
    VECTOR_BOUND = 5,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_NO_FPU = 7,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_INVALID_TSS = 10,
    VECTOR_NO_SEGMENT = 11,
    VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_FPU = 16,
    VECTOR_ALIGNMENT = 17,
    VECTOR_MACHINE_CHECK = 18,
    VECTOR_SIMD = 19,
    VECTOR_FIRST_INTERRUPT = 32,
    VECTOR_KEYBOARD = 33,
    VECTOR_SERIAL = 36, // COM1 and COM3 share a line
    VECTOR_LAPIC_TIMER = 0xe0,
    VECTOR_LAPIC_ERROR = 0xe1,
    VECTOR_RESCHEDULE = 0xe2, // another CPU has set reschedule_due
    VECTOR_CALL = 0xe3,       // another CPU wants a function called here (ipi.h)
    VECTOR_SPURIOUS = 0xff,
};

#define PAGE_FAULT_PRESENT (1u << 0)
#define PAGE_FAULT_WRITE (1u << 1)
#define PAGE_FAULT_USER (1u << 2)
#define PAGE_FAULT_RESERVED (1u << 3)
#define PAGE_FAULT_FETCH (1u << 4)
