// Stands before kernel/cpu/registers.h on the host: privileged instructions become calls that the
// stubs record.
#pragma once

#include "lib/types.h"

#define MSR_PAT 0x277u
#define CR4_PGE (1ull << 7)

void write_msr(uint32_t number, uint64_t value);
uint64_t read_cr4(void);
void write_cr4(uint64_t value);
void write_cr3(uint64_t value);
void invalidate_page(uint64_t address);
