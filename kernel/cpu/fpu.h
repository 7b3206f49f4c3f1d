// x87, SSE and AVX state, switched eagerly (lazy switching leaks: CVE-2018-3665). The kernel itself
// uses none of these registers.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

// Enables the FPU on this CPU and picks XSAVEOPT, XSAVE or FXSAVE. CR4 and XCR0 are set here.
void fpu_init(void);
// Bytes of one state area, which must be 64-byte aligned.
uint32_t fpu_state_size(void);
// Writes the state a program starts with: FCW 0x37f, MXCSR 0x1f80, everything else zero.
void fpu_state_init(void *state);
// The area must not be that of a thread that runs on another CPU.
void fpu_save(void *state);
void fpu_restore(const void *state);
