// Illegal acts and the verdict that each deserves. One table per group; offend.c runs them.
#pragma once

#include "program.h"

// Where a machine may answer otherwise than `signal` says.
enum {
    AMD_SAYS_ILL = 1 << 0,   // #UD instead of #GP on AMD processors
    EMULATOR_BLIND = 1 << 1, // QEMU's TCG does not raise the exception: harmless there
    EMULATOR_KILLS = 1 << 2, // TCG raises #GP or #PF where hardware does otherwise: SIGSEGV there
    UMIP_DECIDES = 1 << 3,   // harmless without UMIP; Linux emulates the instruction
    LINUX_ALLOWS = 1 << 4,   // harmless under Linux, which has a gate for it
    NEEDS_XSAVE = 1 << 5,    // skipped where the kernel has not set CR4.OSXSAVE
    NEEDS_FSGSBASE = 1 << 6, // skipped where ring 3 may not use the instruction (AT_HWCAP2)
    EMULATOR_SAYS_ILL = 1 << 7, // TCG does not know the instruction
};

struct offence {
    const char *name;
    int (*act)(void); // in a process of its own; the value is the exit code, 0 = all in order
    int signal;       // what must end it; 0: harmless, must exit 0
    unsigned notes;
};

extern const struct offence memory_offences[], privileged_offences[], trap_offences[],
    state_offences[];
extern const size_t memory_offence_count, privileged_offence_count, trap_offence_count,
    state_offence_count;

#define USER_LIMIT 0x7ffffffff000ul // the first address that no program may use
#define KERNEL_DIRECT_MAP 0xffff800000000000ul
#define KERNEL_IMAGE 0xffffffff80000000ul
#define NON_CANONICAL 0x0000800000000000ul
