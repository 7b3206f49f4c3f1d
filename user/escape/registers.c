// Fills registers and memory with patterns and compares them. Invariant: registers_in is what the
// code was given; the comparison says the first thing that differs.
#include "registers.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_SET_GS 0x1001
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define FLAG_RF (1ul << 16)
#define MEMORY_SIZE 65536u
#define LEGACY_SIZE 464u // of the FXSAVE image, what hardware writes
#define XSAVE_HEADER 512u
#define AVX_OFFSET 576u
#define AVX_SIZE 256u
#define COMPONENTS 7u // x87, SSE, AVX

extern unsigned char registers_vectors_in[4096], registers_vectors_out[4096];
extern bool registers_have_xsave, registers_have_bases;

unsigned char registers_stack[REGISTERS_STACK_SIZE] __attribute__((aligned(4096)));
static unsigned char memory[MEMORY_SIZE];

unsigned char registers_seed;

static const char *const names[GENERAL_COUNT] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
                                                  "rbp", "r8",  "r9",  "r10", "r11", "r12",
                                                  "r13", "r14", "r15", "rsp" };
static const char *const selector_names[] = { "cs", "ss", "ds", "es", "fs", "gs" };

// Where the signal's context has them, in our order.
static const int context_places[GENERAL_COUNT] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX,
                                                   REG_RSI, REG_RDI, REG_RBP, REG_R8,
                                                   REG_R9,  REG_R10, REG_R11, REG_R12,
                                                   REG_R13, REG_R14, REG_R15, REG_RSP };

uint64_t registers_pattern(unsigned number)
{
    uint64_t seed = 0x0101010101010101ul * registers_seed;
    return (0x1111111111111111ul * (number + 1) ^ 0x0080000000000000ul) + seed; // none is canonical
}

static bool has_avx(void)
{
    uint32_t low, high;
    if (!registers_have_xsave || !cpuid_bit(1, 2, 28))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & COMPONENTS) == COMPONENTS;
}

static void fill_vectors(void)
{
    unsigned char *image = registers_vectors_in;
    memset(image, 0, sizeof(registers_vectors_in));
    *(uint16_t *)image = 0x37f;
    image[4] = 0xff; // all eight in use
    *(uint32_t *)(image + 24) = 0x1f80;
    for (unsigned i = 0; i < 8; i++) {
        memset(image + 32 + 16 * i, (int)((0x80 | registers_seed) + i),
               8); // a normal number: top bit set
        image[32 + 16 * i + 9] = 0x3f;
    }
    for (unsigned i = 0; i < 16; i++)
        memset(image + 160 + 16 * i, (int)((0x30 ^ registers_seed) + i), 16);
    registers_have_xsave = cpuid_bit(1, 2, 27);
    if (!registers_have_xsave)
        return;
    bool avx = has_avx();
    *(uint64_t *)(image + XSAVE_HEADER) = avx ? 7 : 3;
    for (unsigned i = 0; avx && i < 16; i++)
        memset(image + AVX_OFFSET + 16 * i, (int)((0x50 ^ registers_seed) + i), 16);
}

static void read_selectors(uint64_t selectors[6])
{
    uint32_t cs, ss, ds, es, fs, gs;
    __asm__("movl %%cs, %0; movl %%ss, %1; movl %%ds, %2" : "=r"(cs), "=r"(ss), "=r"(ds));
    __asm__("movl %%es, %0; movl %%fs, %1; movl %%gs, %2" : "=r"(es), "=r"(fs), "=r"(gs));
    const uint32_t all[] = { cs, ss, ds, es, fs, gs };
    for (unsigned i = 0; i < 6; i++)
        selectors[i] = all[i];
}

void registers_prepare(void)
{
    for (unsigned i = 0; i < RSP; i++)
        registers_in.general[i] = registers_pattern(i);
    registers_in.general[RSP] = (uint64_t)registers_stack + REGISTERS_STACK_SIZE / 2;
    registers_in.flags = REGISTERS_FLAGS;
    memset(registers_stack, 0x5a, sizeof(registers_stack));
    memset(memory, 0xa5, sizeof(memory));
    fill_vectors();
    registers_have_bases = !reason_applies(WITHOUT_FSGSBASE);
    syscall(SYS_arch_prctl, ARCH_SET_GS, memory);
    read_selectors(registers_in.selectors);
    syscall(SYS_arch_prctl, ARCH_GET_FS, &registers_in.fs_base);
    registers_in.gs_base = (uint64_t)memory;
}

static int compare_painted(unsigned changes)
{
    for (size_t i = 0; i < MEMORY_SIZE; i++)
        if (memory[i] != 0xa5)
            return attempt_note("memory changed at %zu: %#x", i, memory[i]);
    for (size_t i = 0; i < REGISTERS_STACK_SIZE && !(changes & STACK_CHANGES); i++)
        if (registers_stack[i] != 0x5a)
            return attempt_note("stack changed at RSP%+ld",
                                (long)i - (long)REGISTERS_STACK_SIZE / 2);
    return 0;
}

static int compare_vectors(const unsigned char *image, unsigned changes)
{
    if (changes & VECTORS_CHANGE)
        return 0;
    for (size_t i = 0; i < LEGACY_SIZE; i++) {
        if (image[i] != registers_vectors_in[i] && (i < 28 || i >= 32)) // MXCSR_MASK is hardware's
            return attempt_note("FXSAVE image differs at %zu: %#x", i, image[i]);
    }
    if (registers_have_xsave && has_avx() &&
        memcmp(image + AVX_OFFSET, registers_vectors_in + AVX_OFFSET, AVX_SIZE) != 0)
        return attempt_note("AVX state differs");
    return 0;
}

static int compare_general(const uint64_t general[GENERAL_COUNT], uint64_t flags, unsigned changes)
{
    for (unsigned i = 0; i < GENERAL_COUNT; i++)
        if (!(changes & BIT(i)) && general[i] != registers_in.general[i])
            return attempt_note("%s is %#lx, was %#lx", names[i], general[i],
                                registers_in.general[i]);
    if (!(changes & FLAGS_CHANGE) && ((flags ^ registers_in.flags) & ~FLAG_RF))
        return attempt_note("flags are %#lx, were %#lx", flags, registers_in.flags);
    return 0;
}

// Where no instruction reads them.
static void ask_bases(void)
{
    if (registers_have_bases)
        return;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &registers_out.fs_base);
    syscall(SYS_arch_prctl, ARCH_GET_GS, &registers_out.gs_base);
}

static int compare_segments(unsigned changes)
{
    for (unsigned i = 0; i < 6; i++)
        if (registers_out.selectors[i] != registers_in.selectors[i])
            return attempt_note("%s is %#lx, was %#lx", selector_names[i],
                                registers_out.selectors[i], registers_in.selectors[i]);
    if (changes & BASES_CHANGE)
        return 0;
    ask_bases();
    if (registers_out.fs_base != registers_in.fs_base)
        return attempt_note("FS base is %#lx, was %#lx", registers_out.fs_base,
                            registers_in.fs_base);
    if (registers_out.gs_base != registers_in.gs_base)
        return attempt_note("GS base is %#lx, was %#lx", registers_out.gs_base,
                            registers_in.gs_base);
    return 0;
}

int registers_compare(unsigned changes)
{
    return compare_general(registers_out.general, registers_out.flags, changes) ||
           compare_segments(changes) || compare_vectors(registers_vectors_out, changes) ||
           compare_painted(changes);
}

static unsigned changes_of_instruction;

// CS and SS are the handler's own by now; its context has the program's. The rest stays loaded.
static void read_segments_on_signal(const ucontext_t *context)
{
    uint64_t saved = (uint64_t)context->uc_mcontext.gregs[REG_CSGSFS];
    read_selectors(registers_out.selectors);
    registers_out.selectors[0] = saved & 0xffff;
    registers_out.selectors[1] = saved >> 48;
    if (!registers_have_bases)
        return;
    __asm__ volatile("rdfsbase %0; rdgsbase %1"
                     : "=r"(registers_out.fs_base), "=r"(registers_out.gs_base));
}

// A fault changes nothing but what its frame says.
static int compare_on_signal(const siginfo_t *info, const ucontext_t *context)
{
    uint64_t general[GENERAL_COUNT];
    read_segments_on_signal(context);
    for (unsigned i = 0; i < GENERAL_COUNT; i++)
        general[i] = (uint64_t)context->uc_mcontext.gregs[context_places[i]];
    return compare_general(general, (uint64_t)context->uc_mcontext.gregs[REG_EFL],
                           changes_of_instruction) ||
           compare_segments(changes_of_instruction) ||
           compare_vectors((const unsigned char *)context->uc_mcontext.fpregs,
                           changes_of_instruction) ||
           compare_painted(changes_of_instruction);
}

int run_instruction(const struct attempt *attempt)
{
    const struct instruction *instruction = attempt->argument;
    registers_prepare();
    for (size_t i = 0; i < COUNT_OF(instruction->set); i++)
        if (instruction->set[i].is_set)
            registers_in.general[instruction->set[i].number] = instruction->set[i].value;
    if (instruction->flags != 0)
        registers_in.flags = instruction->flags;
    uint64_t address = instruction->place ? instruction->place() : instruction->address;
    if (address != 0)
        registers_in.general[RAX] = address;
    record->at = instruction->jumps ? address : (uint64_t)instruction->code->at;
    record->behind = (uint64_t)instruction->code->behind;
    record->address = address;
    changes_of_instruction = instruction->changes;
    attempt_on_signal = compare_on_signal;
    registers_run(instruction->code->start);
    return registers_compare(instruction->changes);
}
