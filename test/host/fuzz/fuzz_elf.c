// Any bytes as a program and as a symbol table. What passes the checks must be safe to map: that is
// computed again here, in 128 bits.
#include <stdlib.h>
#include <string.h>

#include "lib/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 0x7ffffffff000ull

static void check_accepted(const struct elf_header *header,
                           const struct elf_program_header *segments, uint64_t file_size,
                           uint64_t bias)
{
    uint64_t start, end;
    __uint128_t previous = 0;

    elf_load_span(header, segments, &start, &end);
    for (size_t i = 0; i < header->program_count; i++) {
        const struct elf_program_header *segment = &segments[i];
        if (segment->type != ELF_SEGMENT_LOAD)
            continue;
        __uint128_t top = (__uint128_t)segment->virtual_address + segment->memory_size;
        if ((__uint128_t)segment->offset + segment->file_size > file_size ||
            segment->file_size > segment->memory_size || top + bias > LIMIT ||
            segment->virtual_address < previous)
            abort();
        if (segment->memory_size != 0 && (segment->virtual_address < start || top > end))
            abort();
        previous = top;
    }
    if (start % 4096 != 0 || end % 4096 != 0 || end + bias > LIMIT)
        abort();
}

static void try_program(const uint8_t *data, size_t size)
{
    struct elf_header header = { 0 };
    uint64_t bias = size % 2 == 0 ? 0 : 0x555555554000ull;

    memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
    if (elf_check_header(&header, size) != ELF_OK)
        return;
    size_t table_size = header.program_count * sizeof(struct elf_program_header);
    if (header.program_offset > size || size - header.program_offset < table_size)
        return;
    struct elf_program_header *segments = malloc(table_size);
    memcpy(segments, data + header.program_offset, table_size);
    if (elf_check_segments(&header, segments, size, bias, LIMIT) == ELF_OK)
        check_accepted(&header, segments, size, bias);
    free(segments);
}

static void try_symbols(const uint8_t *data, size_t size)
{
    struct elf_symbols symbols;
    uint64_t offset;
    uint8_t *copy = malloc(size + 1); // aligned

    memcpy(copy, data, size);
    if (elf_find_symbols(copy, size, &symbols)) {
        for (size_t i = 0; i < symbols.count && i < 16; i++) {
            const char *name = elf_symbol_at(&symbols, symbols.table[i].value, &offset);
            if (name != NULL && strlen(name) > size)
                abort();
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_program(data, size);
    try_symbols(data, size);
    return 0;
}
