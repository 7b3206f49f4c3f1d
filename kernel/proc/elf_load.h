// ELF programs: reading and checking their headers, and mapping their segments. For exec.
#pragma once

#include "fs/inode.h"
#include "lib/elf.h"
#include "vm/address_space.h"

struct elf_program {
    struct inode *inode; // the caller's reference
    struct elf_header header;
    struct elf_program_header *segments; // header.program_count of them, checked
    uint64_t bias;                       // added to every address in the file
};

// Reads and checks the headers. A position-independent program goes to `movable_base` or somewhat
// below, as its alignment wants. -ENOEXEC with the reason logged, -ENOMEM.
must_check int elf_program_read(struct elf_program *program, struct inode *inode,
                                uint64_t movable_base);
void elf_program_free(struct elf_program *program);
uint64_t elf_program_entry(const struct elf_program *program);
// Where the program headers lie in the program's memory; 0 when no segment holds them.
uint64_t elf_program_headers_address(const struct elf_program *program);
// Maps all segments into a fresh space and sets its code, data and heap borders; the heap starts
// `brk_gap` bytes (whole pages) behind the program's end. -errno.
must_check int elf_program_map(const struct elf_program *program, struct address_space *space,
                               uint64_t brk_gap);
