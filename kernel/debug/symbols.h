// Names for kernel addresses, from the kernel.elf file that the loader leaves in memory.
#pragma once

#include "lib/types.h"

// `file` is the whole ELF file in the direct map; without a usable table names print as numbers.
// The kernel runs `offset` bytes above where that file says.
void symbols_init(const void *file, size_t size, uint64_t offset);
// That offset; 0 before symbols_init().
uint64_t symbols_offset(void);
// The part of that file which stays in use, from *start to *end; empty without a usable table.
void symbols_extent(uintptr_t *start, uintptr_t *end);
// "name+0x12/…"-style text into `buffer`; falls back to the bare number. Any context.
void symbols_format(char *buffer, size_t size, uint64_t address);
// For a return address: names the function of the call, even where the call is its last
// instruction.
void symbols_format_return(char *buffer, size_t size, uint64_t address);
