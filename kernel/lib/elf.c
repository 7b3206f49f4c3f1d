// ELF64 checks for programs. The file is outside data: after these checks a loader may map every
// segment without looking at sizes again. Sums are taken with overflow checks throughout.
#include "lib/elf.h"

#include "lib/string.h"

#define IDENT_CLASS 4
#define IDENT_DATA 5
#define CLASS_64 2
#define DATA_LITTLE_ENDIAN 1
#define MACHINE_X86_64 62

enum elf_result elf_check_header(const struct elf_header *header, size_t bytes_read)
{
    uint64_t table_end;

    if (bytes_read < sizeof(*header))
        return ELF_TOO_SHORT;
    if (memcmp(header->ident, "\177ELF", 4) != 0)
        return ELF_BAD_MAGIC;
    if (header->ident[IDENT_CLASS] != CLASS_64 || header->ident[IDENT_DATA] != DATA_LITTLE_ENDIAN)
        return ELF_BAD_CLASS;
    if (header->machine != MACHINE_X86_64)
        return ELF_BAD_MACHINE;
    if (header->type != ELF_TYPE_EXECUTABLE && header->type != ELF_TYPE_SHARED)
        return ELF_BAD_TYPE;
    if (header->program_entry_size != sizeof(struct elf_program_header) ||
        header->program_count == 0 || header->program_count > ELF_PROGRAM_HEADER_LIMIT)
        return ELF_BAD_PROGRAM_TABLE;
    if (__builtin_add_overflow(header->program_offset,
                               header->program_count * sizeof(struct elf_program_header),
                               &table_end))
        return ELF_BAD_PROGRAM_TABLE;
    return ELF_OK;
}

// One LOAD segment on its own: its part of the file and its place in memory. *end receives one
// past its last byte, without bias.
static bool segment_is_sane(const struct elf_program_header *segment, uint64_t file_size,
                            uint64_t bias, uint64_t limit, uint64_t *end)
{
    uint64_t file_end, biased_end;

    if (segment->memory_size < segment->file_size)
        return false;
    if (__builtin_add_overflow(segment->offset, segment->file_size, &file_end) ||
        file_end > file_size)
        return false;
    // Otherwise the file's pages could not be mapped at all.
    if ((segment->virtual_address - segment->offset) % PAGE_SIZE != 0)
        return false;
    if (__builtin_add_overflow(segment->virtual_address, segment->memory_size, end) ||
        __builtin_add_overflow(*end, bias, &biased_end))
        return false;
    return biased_end <= align_down(limit, PAGE_SIZE);
}

static bool segment_holds_entry(const struct elf_program_header *segment, uint64_t entry)
{
    return (segment->flags & ELF_FLAG_EXECUTE) != 0 && entry >= segment->virtual_address &&
           entry - segment->virtual_address < segment->memory_size;
}

static bool needs_interpreter(const struct elf_header *header,
                              const struct elf_program_header *segments)
{
    for (size_t i = 0; i < header->program_count; i++) {
        if (segments[i].type == ELF_SEGMENT_INTERPRETER)
            return true;
    }
    return false;
}

enum elf_result elf_check_segments(const struct elf_header *header,
                                   const struct elf_program_header *segments, uint64_t file_size,
                                   uint64_t bias, uint64_t limit)
{
    uint64_t table_size = header->program_count * sizeof(*segments);
    uint64_t previous_end = 0;
    bool any_load = false, entry_found = false;

    if (header->program_offset > file_size || file_size - header->program_offset < table_size)
        return ELF_BAD_PROGRAM_TABLE;
    if (needs_interpreter(header, segments))
        return ELF_NEEDS_INTERPRETER;
    for (size_t i = 0; i < header->program_count; i++) {
        const struct elf_program_header *segment = &segments[i];
        uint64_t end;

        if (segment->type != ELF_SEGMENT_LOAD)
            continue;
        if (!segment_is_sane(segment, file_size, bias, limit, &end))
            return ELF_BAD_SEGMENT;
        if (segment->virtual_address < previous_end) // ascending and disjoint at once
            return ELF_BAD_SEGMENT;
        previous_end = end;
        any_load |= segment->memory_size != 0;
        entry_found |= segment_holds_entry(segment, header->entry);
    }
    if (!any_load)
        return ELF_NO_SEGMENT;
    return entry_found ? ELF_OK : ELF_BAD_ENTRY;
}

void elf_load_span(const struct elf_header *header, const struct elf_program_header *segments,
                   uint64_t *start, uint64_t *end)
{
    uint64_t lowest = UINT64_MAX, highest = 0;

    for (size_t i = 0; i < header->program_count; i++) {
        const struct elf_program_header *segment = &segments[i];

        if (segment->type != ELF_SEGMENT_LOAD || segment->memory_size == 0)
            continue;
        lowest = min_of(lowest, segment->virtual_address);
        highest = max_of(highest, segment->virtual_address + segment->memory_size);
    }
    *start = lowest == UINT64_MAX ? 0 : align_down(lowest, PAGE_SIZE);
    *end = align_up(highest, PAGE_SIZE);
}

const char *elf_result_text(enum elf_result result)
{
    switch (result) {
    case ELF_OK:
        return "a valid ELF64 program";
    case ELF_TOO_SHORT:
        return "too short for an ELF file";
    case ELF_BAD_MAGIC:
        return "not an ELF file";
    case ELF_BAD_CLASS:
        return "not a 64-bit little-endian ELF file";
    case ELF_BAD_MACHINE:
        return "not built for x86-64";
    case ELF_BAD_TYPE:
        return "not an executable ELF file";
    case ELF_BAD_PROGRAM_TABLE:
        return "the table of program headers is broken";
    case ELF_BAD_SEGMENT:
        return "a segment is broken, overlaps another or lies outside user memory";
    case ELF_NO_SEGMENT:
        return "there is nothing to load";
    case ELF_BAD_ENTRY:
        return "the entry point is not in executable memory";
    case ELF_NEEDS_INTERPRETER:
        return "needs a dynamic loader; only static programs run";
    }
    return "unknown result";
}
