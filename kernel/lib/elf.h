// ELF64 parsing and checking, for programs (vm, proc) and the symbol table (debug). Pure: reads
// only the bytes it is given. Layouts: System V ABI, ELF-64 Object File Format 1.5.
#pragma once

#include "lib/types.h"

struct elf_header {
    uint8_t ident[16];
    uint16_t type;
    uint16_t machine;
    uint32_t version;
    uint64_t entry;
    uint64_t program_offset;
    uint64_t section_offset;
    uint32_t flags;
    uint16_t header_size;
    uint16_t program_entry_size;
    uint16_t program_count;
    uint16_t section_entry_size;
    uint16_t section_count;
    uint16_t section_names;
};

struct elf_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

struct elf_section_header {
    uint32_t name;
    uint32_t type;
    uint64_t flags;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
    uint32_t link;
    uint32_t info;
    uint64_t alignment;
    uint64_t entry_size;
};

struct elf_symbol {
    uint32_t name;
    uint8_t info;
    uint8_t other;
    uint16_t section;
    uint64_t value;
    uint64_t size;
};

_Static_assert(sizeof(struct elf_header) == 64, "elf_header layout");
_Static_assert(sizeof(struct elf_program_header) == 56, "elf_program_header layout");
_Static_assert(sizeof(struct elf_section_header) == 64, "elf_section_header layout");
_Static_assert(sizeof(struct elf_symbol) == 24, "elf_symbol layout");

#define ELF_TYPE_EXECUTABLE 2
#define ELF_TYPE_SHARED 3 // also position-independent executables
#define ELF_SEGMENT_LOAD 1u
#define ELF_SEGMENT_INTERPRETER 3u
#define ELF_FLAG_EXECUTE 1u
#define ELF_FLAG_WRITE 2u
#define ELF_FLAG_READ 4u
#define ELF_PROGRAM_HEADER_LIMIT 64u // more is refused: they must fit into one page

enum elf_result {
    ELF_OK,
    ELF_TOO_SHORT,
    ELF_BAD_MAGIC,
    ELF_BAD_CLASS,   // not 64-bit little-endian
    ELF_BAD_MACHINE, // not x86-64
    ELF_BAD_TYPE,    // neither EXEC nor DYN
    ELF_BAD_PROGRAM_TABLE,
    ELF_BAD_SEGMENT, // sizes, wrap-around, overlap, outside [0, limit), misaligned
    ELF_NO_SEGMENT,  // nothing to load
    ELF_BAD_ENTRY,   // entry point not in an executable segment
    ELF_NEEDS_INTERPRETER,
};

// Checks the first 64 bytes of a file.
must_check enum elf_result elf_check_header(const struct elf_header *header, size_t bytes_read);
// Checks all segments together; `limit` is the first address that no segment may reach after
// `bias` is added. `file_size` bounds what segments may read.
must_check enum elf_result elf_check_segments(const struct elf_header *header,
                                              const struct elf_program_header *segments,
                                              uint64_t file_size, uint64_t bias, uint64_t limit);
// Lowest page and one past the highest page that the LOAD segments cover, without bias.
void elf_load_span(const struct elf_header *header, const struct elf_program_header *segments,
                   uint64_t *start, uint64_t *end);
const char *elf_result_text(enum elf_result result);

// The symbol table inside an ELF file in memory, as the panic report uses it.
struct elf_symbols {
    const struct elf_symbol *table;
    size_t count;
    const char *names;
    size_t names_size;
};

// False when the file has no usable .symtab; every offset is checked against `size`.
must_check bool elf_find_symbols(const void *file, size_t size, struct elf_symbols *symbols);
// The function symbol that covers `address`, with the offset into it; NULL when none does.
const char *elf_symbol_at(const struct elf_symbols *symbols, uint64_t address, uint64_t *offset);
