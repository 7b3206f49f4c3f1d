// Privileged and sensitive instructions in ring 3. Each raises #GP or #UD before anything else is
// looked at, whatever its operands (SDM vol. 2, "Protected Mode Exceptions" of each).
#include "registers.h"

static unsigned char table_register[16] __attribute__((used));

#define ROW(label, identifier, due, ...)                                                           \
    {                                                                                              \
        .name = label, .run = run_instruction, .must = due,                                        \
        .argument = &(const struct instruction)                                                    \
        {                                                                                          \
            .code = &code_##identifier, __VA_ARGS__                                                \
        }                                                                                          \
    }
#define GENERAL_PROTECTION PROTECTION(0)

CODE(cli, "", "cli");
CODE(sti, "", "sti");
CODE(hlt, "", "hlt");
CODE(rdmsr, "", "rdmsr");
CODE(nop, "", "nop");

static const struct attempt attempts[] = {
    ROW("nop", nop, HARMLESS),
    ROW("cli", cli, GENERAL_PROTECTION),
    ROW("sti", sti, GENERAL_PROTECTION),
    ROW("hlt", hlt, GENERAL_PROTECTION),
    ROW("rdmsr-efer", rdmsr, GENERAL_PROTECTION, .set = { REGISTERS(RCX, 0xc0000080) }),
};
GROUP(privileged, "privileged and sensitive instructions", attempts);
