// Shows row 2 of kernel/README.md, Figure 6.1: direct execution without limits. Called in ring 0 by
// `direct=`, it does at will what ring 3 forbids (compare `escape`), and returns to the kernel by
// RET. The kernel is a library here: `say` adds a line to the kernel's log. /bin/tour reads these
// lines afterwards and compares them with what the kernel says itself.
#include "port.h"

#define OWN_VECTOR 0x7f
#define GATE_INTERRUPT 0x8e
#define RETURN_VALUE 42

long main(int argc, char **argv, void (*say_line)(const char *line));
void own_handler(void);

struct line {
    char text[160];
    unsigned length;
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

static volatile uint64_t own_traps;

// What the CPU jumps to once the trap table says so.
__asm__(".text\n"
        "own_handler:\n"
        "    incq own_traps(%rip)\n"
        "    iretq\n");

static void add(struct line *line, const char *text)
{
    while (*text != '\0' && line->length + 1 < sizeof(line->text))
        line->text[line->length++] = *text++;
    line->text[line->length] = '\0';
}

static void add_value(struct line *line, const char *name, uint64_t value)
{
    char digits[19] = "0x";
    unsigned count = 2;
    for (int shift = 60; shift >= 0; shift -= 4)
        if (value >> shift != 0 || shift == 0)
            digits[count++] = "0123456789abcdef"[value >> shift & 15];
    digits[count] = '\0';
    add(line, name);
    add(line, digits);
}

static uint64_t trap_table(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } table;
    __asm__ volatile("sidt %0" : "=m"(table));
    return table.base;
}

// Where the kernel lies differs from boot to boot; its trap table tells.
static const volatile uint32_t *kernel_code(void)
{
    const struct gate *gate = (const struct gate *)trap_table();
    return (const volatile uint32_t *)((uint64_t)gate->offset_high << 32 |
                                       (uint64_t)gate->offset_middle << 16 | gate->offset_low);
}

// Takes one entry of the kernel's trap table over, traps to itself, and puts the entry back.
static void trap_to_myself(void)
{
    struct gate *gate = (struct gate *)trap_table() + OWN_VECTOR;
    struct gate kept = *gate;
    uint64_t handler = (uint64_t)own_handler;
    *gate = (struct gate){ .offset_low = (uint16_t)handler,
                           .selector = (uint16_t)read_cs(),
                           .type = GATE_INTERRUPT,
                           .offset_middle = (uint16_t)(handler >> 16),
                           .offset_high = (uint32_t)(handler >> 32) };
    __asm__ volatile("int %0" : : "i"(OWN_VECTOR) : "memory");
    *gate = kept;
}

long main(int argc, char **argv, void (*say_line)(const char *line))
{
    struct line found, memory, traps;
    found.length = memory.length = traps.length = 0;
    add_value(&found, "program: ring ", read_cs() & 3);
    add_value(&found, ", CR3 ", read_cr3());
    add_value(&found, ", trap table ", trap_table());
    add_value(&found, ", stack ", (uint64_t)__builtin_frame_address(0));
    say_line(found.text);
    __asm__ volatile("cli");
    say_line("program: interrupts are off: nobody can take the CPU from me");
    add_value(&memory, "program: the kernel's code begins with the bytes ", *kernel_code());
    say_line(memory.text);
    trap_to_myself();
    add_value(&traps, "program: traps taken by a handler of my own: ", own_traps);
    say_line(traps.text);
    __asm__ volatile("sti");
    say_line("program: interrupts are on again; returning, because I want to");
    return RETURN_VALUE;
}
