// The instructions that touch user memory (user_copy.S), for user_copy.c only. No check of any kind
// happens here but the fix-up; the caller has checked ranges and may sleep.
#pragma once

#include "lib/types.h"

// Is the CPU's SMAP there? Then access is opened by STAC and closed by CLAC; on other CPUs both
// instructions are undefined. Set once at boot.
extern bool user_copy_has_smap;

// Copies `length` bytes between a kernel and a user address, in either direction. Returns the bytes
// not copied, exact to the byte: 0, or what lies at and after the first address that faults.
must_check size_t user_copy_raw(uint64_t destination, uint64_t source, size_t length);
// The same for zeroes.
must_check size_t user_zero_raw(uint64_t destination, size_t length);

// XSAVE and XRSTOR of every component, 64-byte aligned. False: a fault that could not be served,
// or, of XRSTOR, contents that it refuses (#GP).
must_check bool user_fpu_save_raw(uint64_t destination);
must_check bool user_fpu_restore_raw(uint64_t source);
extern const char user_fpu_restore_instruction[];

// One entry for each instruction above that touches user memory, and only those.
struct user_copy_fixup_entry {
    uint64_t instruction;
    uint64_t continuation;
};
extern const struct user_copy_fixup_entry user_copy_fixups_start[]; // kernel.ld
extern const struct user_copy_fixup_entry user_copy_fixups_end[];
