// The kernel's half of the address space after boot: device registers, kernel stacks with guard
// pages. The loader's tables are taken over and the identity map dropped. Lock: kernel map lock,
// taken inside.
#pragma once

#include "boot_info.h"
#include "lib/types.h"

#define DEVICE_MAP_BASE 0xffffd00000000000ull // device registers: base + physical
#define DEVICE_MAP_SIZE 0x0000100000000000ull // 16 TiB, or what the CPU can address
#define STACK_AREA_BASE 0xffffe00000000000ull // kernel stacks, each behind a guard page
#define KERNEL_STACK_PAGES 4ull

// Memory types by entry of the PAT, SDM vol. 3A, 11.12.2: 06 write-back, 04 write-through, 07 UC-,
// 00 UC, 01 write-combining. Entries 0 to 3 stay as after reset, as do 5 to 7; 4 was write-back.
#define KERNEL_PAT 0x0007040100070406ull

// Takes over the loader's tables: programs PAT (entry 4 is write-combining), drops the user half.
void kernel_map_init(const struct boot_info *boot);

enum device_memory { DEVICE_UNCACHED, DEVICE_WRITE_COMBINING };
// Maps device memory (no-execute). The mapping stays for ever. For the boot: once there are address
// spaces, only within 512 GiB of what was mapped before. NULL: not so, or no memory for tables.
must_check volatile void *device_map(uint64_t physical, uint64_t size, enum device_memory kind);

// A kernel stack of KERNEL_STACK_PAGES pages with an unmapped page below; returns its top, 16-byte
// aligned, or 0. Released stacks are kept in a cache until drained.
must_check uint64_t kernel_stack_allocate(void);
// Not the stack in use. Thread context, interrupts on, no spinlock held (but for the boot): when
// many are free it waits until all CPUs have flushed.
void kernel_stack_release(uint64_t top);
// Unmaps cached stacks; returns the frames given back.
uint64_t kernel_stacks_drain(void);
uint64_t kernel_stacks_live(void);
uint64_t kernel_stack_tables(void); // page tables that stacks need
// True when the address lies in the guard page of a stack.
bool kernel_stack_is_guard(uint64_t address);

// Maps one page in the user half of a root for ring 0 only, for `direct=PROGRAM`, which
// runs without limits: writable, executable, supervisor. -ENOMEM.
must_check int kernel_map_direct_page(phys_addr root, uint64_t address, phys_addr physical);
