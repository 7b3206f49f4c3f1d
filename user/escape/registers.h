// Instructions with everything around them known before and compared after, whether they come back
// or end in a signal: general, segment and vector registers, flags, FS and GS base, stack, memory.
#pragma once

#include "attempt.h"

// In the order of struct register_file.
enum {
    RAX,
    RBX,
    RCX,
    RDX,
    RSI,
    RDI,
    RBP,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    RSP,
    GENERAL_COUNT
};
#define BIT(name) (1u << (name))
#define FLAGS_CHANGE (1u << 16)
#define VECTORS_CHANGE (1u << 17)
#define STACK_CHANGES (1u << 18) // the attempt's own stack, below RSP or at it
#define BASES_CHANGE (1u << 19)

#define REGISTERS_FLAGS 0x247u // IF ZF PF CF, and the bit that is always set

// Made by CODE.
struct code {
    const char *start, *at, *behind; // `at`: the instruction in question
};

// Defines the code of an attempt: `before`; the instruction; and back.
#define CODE(name, before, text)                                                                   \
    __asm__(".text\n"                                                                              \
            "771: " before "\n"                                                                    \
            "772: " text "\n"                                                                      \
            "773: jmp registers_back\n"                                                            \
            ".section .rodata\n.balign 8\n"                                                        \
            "code_" #name ": .quad 771b, 772b, 773b\n"                                             \
            ".text\n");                                                                            \
    extern const struct code code_##name

struct register_setting {
    uint16_t number; // RAX...
    bool is_set;
    uint64_t value;
};

struct instruction {
    const struct code *code;
    struct register_setting set[4]; // registers that hold something else than the pattern
    unsigned changes;               // BITs of registers that it writes, and *_CHANGE
    uint64_t flags;                 // RFLAGS before; 0: REGISTERS_FLAGS
    uint64_t address;               // RAX, and what si_addr must be for ADDRESS_STATED
    uint64_t (*place)(void);        // makes that address in the process of the attempt
    bool jumps;                     // to the address: the saved RIP is there
};

// For rows of a table: REGISTERS(RCX, 5) in .set.
#define REGISTERS(name, value)                                                                     \
    {                                                                                              \
        name, true, value                                                                          \
    }

// For a row of attempts: INSTRUCTION(cli), INSTRUCTION(rdmsr, .set = { REGISTERS(RCX, 5) }).
#define INSTRUCTION(identifier, ...) INSTRUCTION_BY(run_instruction, identifier, __VA_ARGS__)
#define INSTRUCTION_BY(function, identifier, ...)                                                  \
    .run = function, .argument = &(const struct instruction)                                       \
    {                                                                                              \
        .code = &code_##identifier, __VA_ARGS__                                                    \
    }

// The `run` of an attempt whose argument is a struct instruction.
int run_instruction(const struct attempt *attempt);

// The same in parts, for attempts that loop: fill `registers_in` and go.
struct register_file {
    uint64_t general[GENERAL_COUNT];
    uint64_t flags;
    uint64_t selectors[6]; // CS SS DS ES FS GS
    uint64_t fs_base, gs_base;
};
extern struct register_file registers_in, registers_out;
#define REGISTERS_STACK_SIZE 16384u
extern unsigned char registers_stack[REGISTERS_STACK_SIZE];

// Pattern into registers_in, vectors, stack, memory; RSP in the middle of registers_stack. A GS
// base that is known.
void registers_prepare(void);
void registers_run(const void *start); // comes back from registers_back
// 0, or attempt_note()'s 1. `changes` as in struct instruction.
int registers_compare(unsigned changes);
uint64_t registers_pattern(unsigned number);
extern unsigned char registers_seed; // whose patterns: set before registers_prepare()

// Runs `start` and comes back from a signal, too; what came, signal 0: none. The registers at that
// moment are in registers_out.
struct seen {
    int signal, code, trap;
    uint32_t error;
    uint64_t address, rip, cs;
};
struct seen registers_try(const void *start);
// #GP with this error code, at this instruction; otherwise 1 and attempt_note(), which names
// `number`.
int expect_protection(const struct seen *seen, const struct code *code, uint32_t error,
                      unsigned number);
int expect_nothing(const struct seen *seen, unsigned number);
