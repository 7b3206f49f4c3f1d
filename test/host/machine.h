// Fake physical memory and a loader's map for it.
#pragma once

#include "mem/frame.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

// Makes `size` bytes of physical address space; every byte of it holds leftovers, as on real
// machines. Sparse: what is not written costs nothing. Sets the direct map.
void machine_create(uint64_t size);
struct boot_info *machine_boot_info(void);
void machine_add_region(uint64_t base, uint64_t size, enum boot_region_kind kind);
// A simple machine: `size` bytes of RAM with the usual hole below 1 MiB, a kernel, the loader's
// root table and an initramfs; frames_init() has run.
struct boot_info *machine_start(uint64_t size);
// The same, and kernel_map_init() has run.
struct boot_info *machine_start_mapped(uint64_t size);

// Where the pieces of machine_start() lie.
#define MACHINE_ROOT (2 * MIB)
#define MACHINE_KERNEL (4 * MIB)
#define MACHINE_KERNEL_SIZE (1 * MIB)
#define MACHINE_INITRAMFS (8 * MIB)
#define MACHINE_INITRAMFS_SIZE (3 * MIB)

// Takes every free frame; machine_give_back() returns them. To see how code meets the end of
// memory.
void machine_exhaust(void);
void machine_give_back(uint64_t count); // frames; UINT64_MAX for all

uint64_t machine_free_frames(void);
