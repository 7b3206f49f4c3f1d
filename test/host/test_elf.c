// kernel/lib/elf.c on real programs of this machine, and with every field at its extremes.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/elf.h"
#include "lib/string.h"
#include "test.h"

#define LIMIT 0x7ffffffff000ull
#define SEGMENTS 4u

struct program {
    struct elf_header header;
    struct elf_program_header segments[ELF_PROGRAM_HEADER_LIMIT];
    uint64_t file_size;
};

static const uint64_t extremes[] = {
    0,
    1,
    0xfff,
    0x1000,
    0x7fff,
    0xffff,
    0x7fffffff,
    0xffffffff,
    0x100000000,
    LIMIT - 1,
    LIMIT,
    LIMIT + 1,
    0x800000000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffff800000000000,
    0xfffffffffffff000,
    0xffffffffffffffff,
};

static void load_program(struct program *program, const char *path)
{
    int file = open(path, O_RDONLY);

    if (file < 0)
        test_fail(__FILE__, __LINE__, "%s is missing", path);
    memset(program, 0, sizeof(*program));
    CHECK(read(file, &program->header, sizeof(program->header)) == sizeof(program->header));
    CHECK_EQUAL(elf_check_header(&program->header, sizeof(program->header)), ELF_OK);
    ssize_t table_size = (ssize_t)(program->header.program_count * sizeof(program->segments[0]));
    CHECK(pread(file, program->segments, (size_t)table_size,
                (off_t)program->header.program_offset) == table_size);
    program->file_size = (uint64_t)lseek(file, 0, SEEK_END);
    close(file);
}

static enum elf_result check_program(const struct program *program, uint64_t bias)
{
    enum elf_result result = elf_check_header(&program->header, sizeof(program->header));

    return result != ELF_OK ? result
                            : elf_check_segments(&program->header, program->segments,
                                                 program->file_size, bias, LIMIT);
}

// A program by the book: code, data with zeroed memory, a note in between.
static struct program make_program(void)
{
    return (struct program){
        .header = { .ident = "\177ELF\2\1\1",
                    .type = ELF_TYPE_EXECUTABLE,
                    .machine = 62,
                    .version = 1,
                    .entry = 0x401000,
                    .program_offset = 64,
                    .header_size = 64,
                    .program_entry_size = 56,
                    .program_count = SEGMENTS },
        .segments = { { ELF_SEGMENT_LOAD, ELF_FLAG_READ, 0, 0x400000, 0, 0x120, 0x120, 4096 },
                      { ELF_SEGMENT_LOAD, ELF_FLAG_READ | ELF_FLAG_EXECUTE, 0x1000, 0x401000, 0,
                        0x800, 0x800, 4096 },
                      { 4, ELF_FLAG_READ, 1, 2, 3, UINT64_MAX, UINT64_MAX, 3 },
                      { ELF_SEGMENT_LOAD, ELF_FLAG_READ | ELF_FLAG_WRITE, 0x1800, 0x402800, 0,
                        0x100, 0x5000, 4096 } },
        .file_size = 0x3000,
    };
}

TEST(elf_real_programs)
{
    static struct program program;
    uint64_t start, end;

    load_program(&program, "/bin/busybox");
    CHECK_EQUAL(check_program(&program, 0), ELF_OK);
    elf_load_span(&program.header, program.segments, &start, &end);
    CHECK(start < end && start % PAGE_SIZE == 0 && end % PAGE_SIZE == 0);
    CHECK(program.header.entry >= start && program.header.entry < end);
    load_program(&program, "/proc/self/exe");
    CHECK_EQUAL(check_program(&program, 0), ELF_NEEDS_INTERPRETER);
}

TEST(elf_header_checks)
{
    struct program good = make_program(), bad;

    CHECK_EQUAL(check_program(&good, 0), ELF_OK);
    for (size_t bytes = 0; bytes < 64; bytes++)
        CHECK_EQUAL(elf_check_header(&good.header, bytes), ELF_TOO_SHORT);
#define CHECK_HEADER(field, value, expected)                                                       \
    do {                                                                                           \
        bad = good;                                                                                \
        bad.header.field = (value);                                                                \
        CHECK_EQUAL(elf_check_header(&bad.header, 64), expected);                                  \
    } while (0)
    CHECK_HEADER(ident[0], 0x7e, ELF_BAD_MAGIC);
    CHECK_HEADER(ident[4], 1, ELF_BAD_CLASS);
    CHECK_HEADER(ident[5], 2, ELF_BAD_CLASS);
    CHECK_HEADER(machine, 3, ELF_BAD_MACHINE);
    CHECK_HEADER(machine, 183, ELF_BAD_MACHINE);
    CHECK_HEADER(type, 1, ELF_BAD_TYPE);
    CHECK_HEADER(type, 4, ELF_BAD_TYPE);
    CHECK_HEADER(program_entry_size, 32, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_entry_size, 57, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_count, 0, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_count, 65, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_count, 0xffff, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_offset, UINT64_MAX - 100, ELF_BAD_PROGRAM_TABLE);
    CHECK_HEADER(program_count, 64, ELF_OK);
    CHECK_HEADER(type, ELF_TYPE_SHARED, ELF_OK);
}

TEST(elf_table_outside_the_file)
{
    struct program program = make_program();

    program.file_size = 64 + SEGMENTS * 56 - 1;
    CHECK_EQUAL(check_program(&program, 0), ELF_BAD_PROGRAM_TABLE);
    program = make_program();
    program.header.program_offset = program.file_size + 1;
    CHECK_EQUAL(check_program(&program, 0), ELF_BAD_PROGRAM_TABLE);
    program.header.program_offset = program.file_size - SEGMENTS * 56; // the last bytes
    CHECK_EQUAL(check_program(&program, 0), ELF_OK);
}

#define CHECK_SEGMENT(index, field, value, expected)                                               \
    do {                                                                                           \
        struct program changed = make_program();                                                   \
        changed.segments[index].field = (value);                                                   \
        CHECK_EQUAL(check_program(&changed, 0), expected);                                         \
    } while (0)

TEST(elf_segment_checks)
{
    CHECK_SEGMENT(1, memory_size, 0x7ff, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(1, file_size, 0x801, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(1, offset, 0x3000, ELF_BAD_SEGMENT); // reaches beyond the file
    CHECK_SEGMENT(1, offset, UINT64_MAX - 0xfff, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(1, offset, 0x1001, ELF_BAD_SEGMENT);            // not congruent
    CHECK_SEGMENT(1, virtual_address, 0x400000, ELF_BAD_SEGMENT); // overlaps the first
    CHECK_SEGMENT(1, virtual_address, 0x3ff000, ELF_BAD_SEGMENT); // not ascending
    CHECK_SEGMENT(1, virtual_address, 0xfffffffffffff000, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(3, virtual_address, 0x401800, ELF_OK); // touches, in the same page
    CHECK_SEGMENT(3, virtual_address, 0x401800 - 0x1000, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(3, memory_size, LIMIT - 0x402800, ELF_OK);
    CHECK_SEGMENT(3, memory_size, LIMIT - 0x402800 + 1, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(3, memory_size, UINT64_MAX, ELF_BAD_SEGMENT);
    CHECK_SEGMENT(2, type, ELF_SEGMENT_INTERPRETER, ELF_NEEDS_INTERPRETER);
    CHECK_SEGMENT(3, file_size, 0x3000 - 0x1800, ELF_OK); // the file's last bytes
    struct program program = make_program();
    program.segments[1].offset = -0x1000ull; // and around to the file's first bytes
    program.segments[1].file_size = program.segments[1].memory_size = 0x1800;
    CHECK_EQUAL(check_program(&program, 0), ELF_BAD_SEGMENT);
}

// From the first byte to the last, in whole pages; what takes no memory does not count.
TEST(elf_span)
{
    struct program program = make_program();
    struct elf_program_header *table = malloc(sizeof(*table)); // as long as it is said to be
    uint64_t start, end;

    elf_load_span(&program.header, program.segments, &start, &end);
    CHECK(start == 0x400000 && end == 0x408000);
    program.segments[0] = (struct elf_program_header){ ELF_SEGMENT_LOAD, 0, 0, 0x1000, 0, 0, 0, 0 };
    elf_load_span(&program.header, program.segments, &start, &end);
    CHECK(start == 0x401000 && end == 0x408000);
    *table = program.segments[1];
    program.header.program_count = 1;
    CHECK_EQUAL(elf_check_segments(&program.header, table, program.file_size, 0, LIMIT), ELF_OK);
    elf_load_span(&program.header, table, &start, &end);
    CHECK(start == 0x401000 && end == 0x402000);
    table->type = 0;
    elf_load_span(&program.header, table, &start, &end);
    CHECK(start == 0 && end == 0);
    free(table);
}

TEST(elf_bias)
{
    struct program program = make_program();
    uint64_t end = 0x407800;

    CHECK_EQUAL(check_program(&program, LIMIT - align_up(end, PAGE_SIZE)), ELF_OK);
    CHECK_EQUAL(check_program(&program, LIMIT - end + 1), ELF_BAD_SEGMENT);
    CHECK_EQUAL(check_program(&program, UINT64_MAX), ELF_BAD_SEGMENT);
    CHECK_EQUAL(check_program(&program, UINT64_MAX - end + 1), ELF_BAD_SEGMENT); // wraps to 0
}

TEST(elf_entry_and_nothing_to_load)
{
    struct program program = make_program();
    static const uint64_t bad[] = { 0, 0x400000, 0x400fff, 0x401800, 0x402800, UINT64_MAX };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        program.header.entry = bad[i];
        CHECK_EQUAL(check_program(&program, 0), ELF_BAD_ENTRY);
    }
    program.header.entry = 0x4017ff;
    CHECK_EQUAL(check_program(&program, 0), ELF_OK);
    for (size_t i = 0; i < SEGMENTS; i++)
        program.segments[i].type = 0;
    CHECK_EQUAL(check_program(&program, 0), ELF_NO_SEGMENT);
}

// What is accepted can be mapped: computed again without any chance to wrap.
static void check_accepted(const struct program *program, uint64_t bias)
{
    __uint128_t previous = 0;

    for (size_t i = 0; i < program->header.program_count; i++) {
        const struct elf_program_header *segment = &program->segments[i];
        if (segment->type != ELF_SEGMENT_LOAD)
            continue;
        __uint128_t end = (__uint128_t)segment->virtual_address + segment->memory_size;
        CHECK(end + bias <= LIMIT && segment->virtual_address >= previous);
        CHECK((__uint128_t)segment->offset + segment->file_size <= program->file_size);
        CHECK(segment->file_size <= segment->memory_size);
        previous = end;
    }
}

static void try_value(struct program program, size_t offset, size_t width, uint64_t value)
{
    static const uint64_t biases[] = { 0, 0x555555554000, LIMIT, UINT64_MAX - 0xfff };
    uint64_t start, end;

    memcpy((char *)&program + offset, &value, width);
    if (elf_check_header(&program.header, 64) != ELF_OK)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(biases); i++) {
        if (check_program(&program, biases[i]) != ELF_OK)
            continue;
        check_accepted(&program, biases[i]);
        elf_load_span(&program.header, program.segments, &start, &end);
        CHECK(start < end && end + biases[i] <= LIMIT && end + biases[i] >= biases[i]);
    }
}

TEST(elf_every_field_at_extremes)
{
    const size_t mutated = sizeof(struct elf_header) + SEGMENTS * sizeof(struct elf_program_header);

    for (size_t offset = 16; offset < mutated; offset += 2) {
        for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
            for (size_t width = 2; width <= 8 && offset + width <= mutated; width *= 2)
                try_value(make_program(), offset, width, extremes[i]);
        }
    }
}

TEST(elf_pairs_of_extremes)
{
    for (size_t index = 0; index < SEGMENTS; index++) {
        for (size_t i = 0; i < ARRAY_SIZE(extremes); i++) {
            struct program program = make_program();
            program.segments[index].file_size = 0;
            program.segments[index].offset = extremes[i];
            size_t address = offsetof(struct program, segments) +
                             index * sizeof(struct elf_program_header) +
                             offsetof(struct elf_program_header, virtual_address);
            for (size_t j = 0; j < ARRAY_SIZE(extremes); j++) {
                program.segments[index].memory_size = extremes[j];
                for (size_t k = 0; k < ARRAY_SIZE(extremes); k++)
                    try_value(program, address, 8, extremes[k]);
            }
        }
    }
}

static uint8_t *read_own_file(size_t *size)
{
    int file = open("/proc/self/exe", O_RDONLY);

    CHECK(file >= 0);
    *size = (size_t)lseek(file, 0, SEEK_END);
    uint8_t *bytes = malloc(*size);
    CHECK(bytes != NULL && pread(file, bytes, *size, 0) == (ssize_t)*size);
    close(file);
    return bytes;
}

TEST(elf_symbols_of_this_program)
{
    struct elf_symbols symbols;
    uint64_t address = 0, offset;
    size_t size;
    uint8_t *bytes = read_own_file(&size);

    CHECK(elf_find_symbols(bytes, size, &symbols));
    for (size_t i = 0; i < symbols.count; i++) {
        if (strcmp(symbols.names + symbols.table[i].name, "test_register") == 0)
            address = symbols.table[i].value;
    }
    CHECK(address != 0);
    CHECK_TEXT(elf_symbol_at(&symbols, address, &offset), "test_register");
    CHECK_TEXT(elf_symbol_at(&symbols, address + 2, &offset), "test_register");
    CHECK_EQUAL(offset, 2);
    CHECK(elf_symbol_at(&symbols, 1, &offset) == NULL);
    CHECK(elf_symbol_at(&symbols, UINT64_MAX, &offset) == NULL);
    free(bytes);
}

TEST(elf_symbols_of_broken_files)
{
    static const size_t fields[] = { offsetof(struct elf_section_header, offset),
                                     offsetof(struct elf_section_header, size),
                                     offsetof(struct elf_section_header, link),
                                     offsetof(struct elf_section_header, entry_size) };
    struct elf_symbols symbols;
    size_t size;
    uint8_t *bytes = read_own_file(&size), *copy = malloc(size);
    const struct elf_header *header = (const struct elf_header *)bytes;

    CHECK(!elf_find_symbols(bytes, 0, &symbols));
    CHECK(!elf_find_symbols(bytes, 63, &symbols));
    CHECK(!elf_find_symbols(bytes, 64, &symbols));
    CHECK(!elf_find_symbols(bytes, header->section_offset + 1, &symbols));
    for (size_t i = 0; i < header->section_count * ARRAY_SIZE(fields); i++) {
        size_t at =
            header->section_offset + i / ARRAY_SIZE(fields) * 64 + fields[i % ARRAY_SIZE(fields)];
        memcpy(copy, bytes, size);
        for (size_t j = 0; j < ARRAY_SIZE(extremes); j++) {
            memcpy(copy + at, &extremes[j], sizeof(extremes[j]));
            if (elf_find_symbols(copy, size, &symbols)) {
                CHECK((const uint8_t *)(symbols.table + symbols.count) <= copy + size);
                CHECK((const uint8_t *)symbols.names + symbols.names_size <= copy + size);
            }
        }
    }
    free(copy);
    free(bytes);
}

TEST(elf_result_texts_exist)
{
    for (enum elf_result result = ELF_OK; result <= ELF_NEEDS_INTERPRETER; result++)
        CHECK(strlen(elf_result_text(result)) > 3);
}
