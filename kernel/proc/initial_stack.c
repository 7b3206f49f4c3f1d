// Builds a program's first stack, from high to low: end marker, strings, random bytes, then the
// auxiliary vector, environment, arguments and their count, where the stack pointer starts. Called
// by exec.c on a space that is not running yet; the layout is that of the System V
// ABI for x86-64, section 3.4.1.
#include "proc/initial_stack.h"

#include "abi/errno.h"
#include "abi/process.h"
#include "cpu/features.h"
#include "cpu/fpu.h"
#include "debug/random.h"
#include "lib/string.h"

#define END_MARKER_SIZE 8u
#define RANDOM_SIZE 16u
#define SPARE_BYTES (128ull * 1024) // mapped at once below the stack pointer
#define CLOCK_TICKS_PER_SECOND 100u
#define HWCAP2_FSGSBASE 2u
// A signal frame without the FPU state: return address, ucontext and siginfo, red zone, and padding
// for alignment to 64 and 16 (signal_frame.c); the state is followed by four bytes.
#define SIGNAL_FRAME_BYTES (8u + 304u + 128u + 128u + 63u + 15u + 4u)

static const char platform[] = "x86_64";

struct stack_layout {
    uint64_t name, environment, arguments, random, platform;
    uint64_t stack_pointer;
};

struct auxiliary_entry {
    uint64_t tag, value;
};

#define AUXILIARY_COUNT 20u

static void fill_auxiliary(struct auxiliary_entry *vector, const struct initial_stack *stack,
                           const struct stack_layout *layout)
{
    const struct elf_program *program = stack->program;
    const struct auxiliary_entry entries[AUXILIARY_COUNT] = {
        { stack->vdso ? AT_SYSINFO_EHDR : AT_IGNORE, (uint64_t)stack->vdso },
        { AT_MINSIGSTKSZ, align_up(SIGNAL_FRAME_BYTES + fpu_state_size(), 16) },
        { AT_HWCAP, cpu_features.hwcap },
        { AT_PAGESZ, PAGE_SIZE },
        { AT_CLKTCK, CLOCK_TICKS_PER_SECOND },
        { AT_PHDR, elf_program_headers_address(program) },
        { AT_PHENT, sizeof(struct elf_program_header) },
        { AT_PHNUM, program->header.program_count },
        { AT_BASE, 0 },
        { AT_FLAGS, 0 },
        { AT_ENTRY, elf_program_entry(program) },
        { AT_UID, 0 },
        { AT_EUID, 0 },
        { AT_GID, 0 },
        { AT_EGID, 0 },
        { AT_SECURE, 0 },
        { AT_RANDOM, layout->random },
        { AT_HWCAP2, cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0 },
        { AT_EXECFN, layout->name },
        { AT_PLATFORM, layout->platform },
    };
    memcpy(vector, entries, sizeof(entries));
    vector[AUXILIARY_COUNT] = (struct auxiliary_entry){ AT_NULL, 0 };
}

static void plan_layout(struct stack_layout *layout, const struct initial_stack *stack)
{
    uint64_t words = 1 + (stack->arguments->count + 1) + (stack->environment->count + 1);
    uint64_t table_size =
        words * sizeof(uint64_t) + (AUXILIARY_COUNT + 1) * sizeof(struct auxiliary_entry);

    layout->name = stack->top - END_MARKER_SIZE - (strlen(stack->executable_name) + 1);
    layout->environment = layout->name - stack->environment->size;
    layout->arguments = layout->environment - stack->arguments->size;
    uint64_t below = align_down(layout->arguments, 16) - stack->strings_gap;
    layout->platform = below - sizeof(platform);
    layout->random = layout->platform - RANDOM_SIZE;
    layout->stack_pointer = align_down(layout->random - table_size, 16);
}

static int map_stack(struct address_space *space, uint64_t top, uint64_t stack_pointer)
{
    uint64_t start = align_down(stack_pointer, PAGE_SIZE);
    if (top - start > space->stack_limit)
        return -E2BIG;
    start -= min_of(SPARE_BYTES, align_down(space->stack_limit - (top - start), PAGE_SIZE));
    int64_t mapped =
        address_space_map(space, start, top - start, PROTECTION_READ | PROTECTION_WRITE,
                          MAP_AT_FIXED_EMPTY | MAP_GROWS_DOWN, NULL, 0);
    if (mapped == -EEXIST)
        return -ENOMEM; // the program itself lies there
    return mapped < 0 ? (int)mapped : 0;
}

// Writes 64-bit words to ascending addresses, a few at a time.
struct word_writer {
    struct address_space *space;
    uint64_t address;
    int error; // the first one; later words are dropped
    uint32_t count;
    uint64_t words[32];
};

static void flush_words(struct word_writer *writer)
{
    size_t size = writer->count * sizeof(uint64_t);
    if (!writer->error)
        writer->error = address_space_write(writer->space, writer->address, writer->words, size);
    writer->address += size;
    writer->count = 0;
}

static void write_word(struct word_writer *writer, uint64_t word)
{
    writer->words[writer->count++] = word;
    if (writer->count == ARRAY_SIZE(writer->words))
        flush_words(writer);
}

// The addresses of strings that lie back to back from `address` on, and the NULL behind them.
static void write_pointers(struct word_writer *writer, const struct exec_strings *strings,
                           uint64_t address)
{
    const char *string = strings->text;
    for (uint32_t i = 0; i < strings->count; i++) {
        size_t size = strlen(string) + 1;
        write_word(writer, address);
        address += size;
        string += size;
    }
    write_word(writer, 0);
}

static int write_tables(struct address_space *space, const struct initial_stack *stack,
                        const struct stack_layout *layout)
{
    struct word_writer writer;
    writer.space = space;
    writer.address = layout->stack_pointer;
    writer.error = 0;
    writer.count = 0;
    write_word(&writer, stack->arguments->count);
    write_pointers(&writer, stack->arguments, layout->arguments);
    write_pointers(&writer, stack->environment, layout->environment);
    flush_words(&writer);
    if (writer.error)
        return writer.error;

    struct auxiliary_entry vector[AUXILIARY_COUNT + 1];
    fill_auxiliary(vector, stack, layout);
    return address_space_write(space, writer.address, vector, sizeof(vector));
}

static int write_strings(struct address_space *space, const struct initial_stack *stack,
                         const struct stack_layout *layout)
{
    uint8_t random[RANDOM_SIZE];
    random_fill(random, sizeof(random));
    int error = address_space_write(space, layout->random, random, sizeof(random));
    if (!error)
        error = address_space_write(space, layout->platform, platform, sizeof(platform));
    if (!error)
        error = address_space_write(space, layout->arguments, stack->arguments->text,
                                    stack->arguments->size);
    if (!error)
        error = address_space_write(space, layout->environment, stack->environment->text,
                                    stack->environment->size);
    if (!error)
        error = address_space_write(space, layout->name, stack->executable_name,
                                    strlen(stack->executable_name) + 1);
    return error;
}

int initial_stack_build(struct address_space *space, const struct initial_stack *stack,
                        uint64_t *stack_pointer)
{
    struct stack_layout layout;
    plan_layout(&layout, stack);
    int error = map_stack(space, stack->top, layout.stack_pointer);
    if (!error)
        error = write_strings(space, stack, &layout);
    if (!error)
        error = write_tables(space, stack, &layout);
    if (error)
        return error;
    space->argument_start = layout.arguments;
    space->argument_end = space->environment_start = layout.environment;
    space->environment_end = layout.name;
    space->stack_start = layout.stack_pointer;
    *stack_pointer = layout.stack_pointer;
    return 0;
}
