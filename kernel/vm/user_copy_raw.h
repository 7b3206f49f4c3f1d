// The instructions that touch user memory (user_copy.S), for user_copy.c only. No check of any kind
// happens here but the fix-up; the caller has checked ranges and may sleep.
#pragma once

#include "lib/types.h"

// Is the CPU's SMAP there? Then access is opened by STAC and closed by CLAC; on other CPUs both
// instructions are undefined. Set once at boot.
extern bool user_copy_has_smap;

// Copies a string from a user address, its terminator too. Its length; `size` when there is no
// terminator in so many bytes; SIZE_MAX when user memory went bad before either. Bytes behind the
// terminator may be copied along.
must_check size_t user_string_raw(uint64_t destination, uint64_t source, size_t size);

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

// One aligned word. Its value, zero-extended (of a compare-exchange: before it, which may write
// even when it differs, so that it faults on a page that is not writable); UINT64_MAX: a fault.
must_check uint64_t user_load32_raw(uint64_t address);
must_check uint64_t user_load32_no_fault_raw(uint64_t address);
must_check uint64_t user_compare_exchange32_raw(uint64_t address, uint32_t expected,
                                                uint32_t desired);
extern const char user_load32_no_fault_instruction[];

// One entry for each instruction above that touches user memory, and only those.
struct user_copy_fixup_entry {
    uint64_t instruction;
    uint64_t continuation;
};
extern const struct user_copy_fixup_entry user_copy_fixups_start[]; // kernel.ld
extern const struct user_copy_fixup_entry user_copy_fixups_end[];
