// The vDSO: a page of code (user/vdso/) that every program gets, by which its C library reads the
// clocks without a system call. It is one frame, the kernel's, that programs read and execute.
#pragma once

#include "vm/address_space.h"

#define VDSO_ROOM (2ull << 20) // kept free above the top of every stack

// Makes the page. Once, after clock_init() and before the first program.
void vdso_init(void);
// From now on programs ask the system calls, for good. The kernel's clock is the same TSC, so what
// they are told is no truer; but nobody beside cpu/clock.c computes it any more. Any context.
void vdso_distrust_tsc(void);
// Maps the page into a space that nobody else knows yet, at a place above `stack_top` chosen by
// `random` (uniform). Its address, for AT_SYSINFO_EHDR; 0: there is none, or the program lies where
// it would go; -ENOMEM.
must_check int64_t vdso_map(struct address_space *space, uint64_t stack_top, uint64_t random);
