// Signals in the Linux x86-64 ABI: actions, siginfo, and the frame that a handler runs on.
#pragma once

#include <stdint.h>

#define SA_NOCLDSTOP 1ull
#define SA_NOCLDWAIT 2ull
#define SA_SIGINFO 4ull
#define SA_EXPOSE_TAGBITS 0x800ull // kept and without effect: addresses here have no tags
#define SA_RESTORER 0x04000000ull
#define SA_ONSTACK 0x08000000ull
#define SA_RESTART 0x10000000ull
#define SA_NODEFER 0x40000000ull
#define SA_RESETHAND 0x80000000ull
#define SA_KNOWN                                                                                   \
    (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK |     \
     SA_RESTART | SA_NODEFER | SA_RESETHAND)

#define SIG_DFL 0ull
#define SIG_IGN 1ull

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SS_ONSTACK 1u
#define SS_DISABLE 2u
#define SS_AUTODISARM 0x80000000u
#define SIGNAL_STACK_MINIMUM 2048u

#define SI_QUEUE (-1)
#define SI_TKILL (-6)
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

#define ITIMER_REAL 0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF 2
#define ITIMER_COUNT 3

struct abi_itimerval {
    struct {
        int64_t seconds, microseconds;
    } interval, value;
};
_Static_assert(sizeof(struct abi_itimerval) == 32, "struct itimerval");

struct abi_sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct abi_siginfo {
    int32_t signal, error, code, pad;
    union {
        struct {
            uint32_t pid, uid;
            uint64_t value;
        } sender;
        struct {
            uint32_t pid, uid;
            int32_t status;
            uint32_t pad;
            int64_t user_ticks, system_ticks;
        } child;
        struct {
            uint64_t address;
        } fault;
        uint8_t space[112];
    };
};
_Static_assert(sizeof(struct abi_siginfo) == 128, "siginfo_t");

struct abi_signal_stack {
    uint64_t base;
    uint32_t flags, pad;
    uint64_t size;
};
_Static_assert(sizeof(struct abi_signal_stack) == 24, "stack_t");

struct abi_mcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
    uint64_t rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector, old_mask, cr2;
    uint64_t fpu_state;
    uint64_t reserved[8];
};
_Static_assert(sizeof(struct abi_mcontext) == 256, "struct sigcontext");

#define UC_FP_XSTATE 1u
#define UC_SIGCONTEXT_SS 2u
#define UC_STRICT_RESTORE_SS 4u

struct abi_ucontext {
    uint64_t flags, link;
    struct abi_signal_stack stack;
    struct abi_mcontext registers;
    uint64_t mask;
};
_Static_assert(sizeof(struct abi_ucontext) == 304, "ucontext with the kernel's 8-byte mask");

// What RSP points at when a handler starts. The FPU state lies above, 64-aligned.
struct abi_signal_frame {
    uint64_t return_address;
    struct abi_ucontext context;
    struct abi_siginfo info;
};
_Static_assert(sizeof(struct abi_signal_frame) == 440, "rt_sigframe");
