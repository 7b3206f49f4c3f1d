// From an ELF file to mappings: segments share the file's frames until they are written. Called by
// exec.c on a space that is not running yet. The file is outside data; lib/elf.c has checked it
// before anything here uses a number from it.
#include "proc/elf_load.h"

#include "abi/errno.h"
#include "cpu/frame.h"
#include "debug/log.h"
#include "lib/string.h"
#include "mem/object_cache.h"

#define ALIGNMENT_LIMIT (1ull << 30) // a program may not push itself further away than this

// The largest alignment that a segment asks for.
static uint64_t wanted_alignment(const struct elf_program *program)
{
    uint64_t alignment = PAGE_SIZE;
    for (size_t i = 0; i < program->header.program_count; i++) {
        const struct elf_program_header *segment = &program->segments[i];
        uint64_t wanted = segment->alignment;
        if (segment->type == ELF_SEGMENT_LOAD && wanted > alignment && wanted <= ALIGNMENT_LIMIT &&
            (wanted & (wanted - 1)) == 0)
            alignment = wanted;
    }
    return alignment;
}

static int refuse(enum elf_result result)
{
    // Text files come here all the time (a shell tries them itself then); broken programs do not.
    if (result != ELF_TOO_SHORT && result != ELF_BAD_MAGIC)
        log_notice("exec", "refused: %s", elf_result_text(result));
    return -ENOEXEC;
}

static int read_segments(struct elf_program *program, uint64_t movable_base)
{
    size_t size = program->header.program_count * sizeof(*program->segments);
    program->segments = memory_allocate(size);
    if (!program->segments)
        return -ENOMEM;
    int64_t count =
        inode_read(program->inode, program->header.program_offset, program->segments, size);
    if (count < 0)
        return (int)count;
    if ((size_t)count != size)
        return refuse(ELF_BAD_PROGRAM_TABLE);
    if (program->header.type == ELF_TYPE_SHARED)
        program->bias = align_down(movable_base, wanted_alignment(program));
    enum elf_result result =
        elf_check_segments(&program->header, program->segments, program->inode->size, program->bias,
                           USER_ADDRESS_LIMIT);
    return result == ELF_OK ? 0 : refuse(result);
}

int elf_program_read(struct elf_program *program, struct inode *inode, uint64_t movable_base)
{
    *program = (struct elf_program){ .inode = inode };
    int64_t count = inode_read(inode, 0, &program->header, sizeof(program->header));
    if (count < 0)
        return (int)count;
    enum elf_result result = elf_check_header(&program->header, (size_t)count);
    if (result != ELF_OK)
        return refuse(result);
    int error = read_segments(program, movable_base);
    if (error)
        elf_program_free(program);
    return error;
}

void elf_program_free(struct elf_program *program)
{
    memory_release(program->segments);
    program->segments = NULL;
}

uint64_t elf_program_entry(const struct elf_program *program)
{
    return program->bias + program->header.entry;
}

uint64_t elf_program_headers_address(const struct elf_program *program)
{
    uint64_t table = program->header.program_offset;
    for (size_t i = 0; i < program->header.program_count; i++) {
        const struct elf_program_header *segment = &program->segments[i];
        if (segment->type == ELF_SEGMENT_LOAD && table >= segment->offset &&
            table - segment->offset < segment->file_size)
            return program->bias + segment->virtual_address + (table - segment->offset);
    }
    return 0;
}

static uint32_t segment_protection(const struct elf_program_header *segment)
{
    return (segment->flags & ELF_FLAG_READ ? PROTECTION_READ : 0) |
           (segment->flags & ELF_FLAG_WRITE ? PROTECTION_WRITE : 0) |
           (segment->flags & ELF_FLAG_EXECUTE ? PROTECTION_EXECUTE : 0);
}

// Zeroes [start, end), inside one page of a private file mapping: the file goes on there, the
// program must see zeroes.
static int zero_rest_of_page(struct address_space *space, uint64_t start, uint64_t end)
{
    static const char zeroes[PAGE_SIZE];
    return address_space_write(space, start, zeroes, end - start);
}

static int map_file_part(struct address_space *space, struct inode *inode,
                         const struct elf_program_header *segment, uint64_t address)
{
    uint64_t start = align_down(address, PAGE_SIZE);
    uint64_t file_end = address + segment->file_size;
    uint64_t memory_end = address + segment->memory_size;
    uint64_t zero_end = min_of(memory_end, align_up(file_end, PAGE_SIZE));
    uint32_t protection = segment_protection(segment);
    uint32_t while_loading = protection | (zero_end > file_end ? PROTECTION_WRITE : 0);

    int64_t mapped =
        address_space_map(space, start, file_end - start, while_loading, MAP_AT_FIXED,
                          &inode->object, align_down(segment->offset, PAGE_SIZE) / PAGE_SIZE);
    if (mapped < 0)
        return (int)mapped;
    if (zero_end == file_end)
        return 0;
    int error = zero_rest_of_page(space, file_end, zero_end);
    if (!error && while_loading != protection)
        error = address_space_protect(space, start, file_end - start, protection);
    return error;
}

static int map_segment(struct address_space *space, struct inode *inode,
                       const struct elf_program_header *segment, uint64_t bias)
{
    uint64_t address = bias + segment->virtual_address;
    uint64_t anonymous_start = align_down(address, PAGE_SIZE);
    uint64_t end = align_up(address + segment->memory_size, PAGE_SIZE);
    if (segment->file_size > 0) {
        int error = map_file_part(space, inode, segment, address);
        if (error)
            return error;
        anonymous_start = align_up(address + segment->file_size, PAGE_SIZE);
    }
    if (anonymous_start >= end)
        return 0;
    int64_t mapped = address_space_map(space, anonymous_start, end - anonymous_start,
                                       segment_protection(segment), MAP_AT_FIXED, NULL, 0);
    return mapped < 0 ? (int)mapped : 0;
}

static void note_borders(struct address_space *space, const struct elf_program_header *segment,
                         uint64_t bias)
{
    uint64_t start = bias + segment->virtual_address;
    uint64_t end = start + segment->file_size;
    if (segment->flags & ELF_FLAG_EXECUTE) {
        if (space->code_start == 0)
            space->code_start = start;
        space->code_end = end;
    } else if (segment->flags & ELF_FLAG_WRITE) {
        if (space->data_start == 0)
            space->data_start = start;
        space->data_end = end;
    }
}

int elf_program_map(const struct elf_program *program, struct address_space *space,
                    uint64_t brk_gap)
{
    for (size_t i = 0; i < program->header.program_count; i++) {
        const struct elf_program_header *segment = &program->segments[i];
        if (segment->type != ELF_SEGMENT_LOAD || segment->memory_size == 0)
            continue;
        int error = map_segment(space, program->inode, segment, program->bias);
        if (error)
            return error;
        note_borders(space, segment, program->bias);
    }
    uint64_t start, end;
    elf_load_span(&program->header, program->segments, &start, &end);
    space->brk_start = align_up(program->bias + end, PAGE_SIZE) + brk_gap;
    space->brk_end = space->brk_start;
    return 0;
}
