// Stands before kernel/cpu/registers.h on the host: privileged instructions become calls that the
// stubs record.
#pragma once

#include "lib/types.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_PAT 0x277u
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC_BASE 0x800u
#define CR4_PGE (1ull << 7)
#define CR4_PCIDE (1ull << 17)

uint64_t read_msr(uint32_t number);
void write_msr(uint32_t number, uint64_t value);
uint8_t port_read8(uint16_t port);
void port_write8(uint16_t port, uint8_t value);
uint32_t port_read32(uint16_t port);
uint32_t device_read32(const volatile void *address);
void device_write32(volatile void *address, uint32_t value);
uint64_t read_tsc(void);
uint64_t read_cr4(void);
void write_cr4(uint64_t value);
uint64_t read_cr3(void);
void write_cr3(uint64_t value);
uint64_t read_rflags(void); // interrupts are on
void invalidate_page(uint64_t address);
void invalidate_all_contexts(void);
void cpu_relax(void); // parallel/cpus.c
