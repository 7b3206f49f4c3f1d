// The vDSO: two pages that every program gets, by which its C library reads the clocks without a
// system call: data that the kernel keeps ([vvar], read only) and right above it code ([vdso],
// user/vdso/). No copy per process: the frames are the kernel's and stay.
#pragma once

#include "vm/address_space.h"

#define VDSO_ROOM (2ull << 20) // kept free above the top of every stack

// Makes the two pages. Once, after clock_init() and before the first program.
void vdso_init(void);
// From now on programs ask the system calls: the TSC alone does not tell the time, since those of
// the CPUs differ. For good. Any context.
void vdso_distrust_tsc(void);
// Maps the pages into a space that nobody else knows yet, at a place above `stack_top` chosen by
// `random` (uniform). The address of the code, for AT_SYSINFO_EHDR; 0: there is none, or the
// program lies where it would go; -ENOMEM.
must_check int64_t vdso_map(struct address_space *space, uint64_t stack_top, uint64_t random);
