// I/O APICs: which line goes to which vector on which CPU. Every line is masked until a driver
// routes it. The register window is two accesses (select, data), so callers use one CPU at a time;
// interrupts are turned off in between. Intel 82093AA data sheet, 3.0.
#include "cpu/ioapic.h"

#include "abi/errno.h"
#include "cpu/interrupts.h"

#define REGISTER_VERSION 1u
#define REGISTER_ENTRIES 0x10u // two 32-bit registers per line
#define ENTRY_MASKED (1u << 16)
#define ENTRY_LEVEL (1u << 15)
#define ENTRY_ACTIVE_LOW (1u << 13)
#define LINE_LIMIT 120u // two registers each, and register numbers have eight bits

struct ioapic {
    volatile uint32_t *registers;
    uint32_t first_line;
    uint32_t line_count;
};

static struct ioapic ioapics[IOAPIC_LIMIT];
static uint32_t ioapic_count;

static uint32_t read_register(const struct ioapic *ioapic, uint32_t number)
{
    interrupts_off();
    ioapic->registers[0] = number;
    uint32_t value = ioapic->registers[4];
    interrupts_restore();
    return value;
}

static void write_register(const struct ioapic *ioapic, uint32_t number, uint32_t value)
{
    interrupts_off();
    ioapic->registers[0] = number;
    ioapic->registers[4] = value;
    interrupts_restore();
}

void ioapic_add(const struct ioapic_description *description)
{
    struct ioapic ioapic = {
        .registers = description->registers,
        .first_line = description->first_line,
    };

    if (ioapic_count == IOAPIC_LIMIT || !ioapic.registers)
        return;
    uint32_t version = read_register(&ioapic, REGISTER_VERSION);
    if (version == ~0u || version == 0)
        return; // nothing answers at this address
    ioapic.line_count = (version >> 16 & 255) + 1;
    if (ioapic.line_count > LINE_LIMIT)
        ioapic.line_count = LINE_LIMIT;
    for (uint32_t i = 0; i < ioapic.line_count; i++)
        write_register(&ioapic, REGISTER_ENTRIES + 2 * i, ENTRY_MASKED);
    ioapics[ioapic_count++] = ioapic;
}

// The I/O APIC that has a line, and the line's low register in it.
static const struct ioapic *find_line(uint32_t line, uint32_t *low_register)
{
    for (uint32_t i = 0; i < ioapic_count; i++) {
        const struct ioapic *ioapic = &ioapics[i];
        if (line < ioapic->first_line || line - ioapic->first_line >= ioapic->line_count)
            continue;
        *low_register = REGISTER_ENTRIES + 2 * (line - ioapic->first_line);
        return ioapic;
    }
    return NULL;
}

int ioapic_route(uint32_t line, uint8_t vector, uint32_t apic_id, bool active_low,
                 bool level_triggered)
{
    uint32_t low_register = 0;
    const struct ioapic *ioapic = find_line(line, &low_register);

    if (!ioapic)
        return -ENXIO;
    if (apic_id > 255 || vector < 16)
        return -EINVAL; // the destination field has eight bits; vectors below 16 are illegal
    uint32_t entry = vector;
    if (active_low)
        entry |= ENTRY_ACTIVE_LOW;
    if (level_triggered)
        entry |= ENTRY_LEVEL;
    write_register(ioapic, low_register, entry | ENTRY_MASKED); // no interrupt to a half-made entry
    write_register(ioapic, low_register + 1, apic_id << 24);
    write_register(ioapic, low_register, entry);
    return 0;
}
