// Addresses to names, from the kernel's own ELF file. Called by panic, the latency report and
// faults' log lines. Set once at boot, read-only afterwards, no lock.
#include "debug/symbols.h"

#include "lib/elf.h"
#include "lib/format.h"

static struct elf_symbols symbols;
static bool symbols_usable;
static uint64_t kernel_offset;

void symbols_init(const void *file, size_t size, uint64_t offset)
{
    kernel_offset = offset;
    symbols_usable = file && elf_find_symbols(file, size, &symbols);
}

uint64_t symbols_offset(void)
{
    return kernel_offset;
}

void symbols_extent(uintptr_t *start, uintptr_t *end)
{
    uintptr_t table = (uintptr_t)symbols.table, names = (uintptr_t)symbols.names;

    *start = min_of(table, names);
    *end = max_of(table + symbols.count * sizeof(*symbols.table), names + symbols.names_size);
}

// `back` is how far before the address the instruction in question lies.
static void format_address(char *buffer, size_t size, uint64_t address, uint64_t back)
{
    uint64_t offset = 0, linked = address - back - kernel_offset;
    const char *name = symbols_usable ? elf_symbol_at(&symbols, linked, &offset) : NULL;

    if (name)
        format_text(buffer, size, "%s+0x%llx", name, (unsigned long long)(offset + back));
    else
        format_text(buffer, size, "0x%llx", (unsigned long long)address);
}

void symbols_format(char *buffer, size_t size, uint64_t address)
{
    format_address(buffer, size, address, 0);
}

void symbols_format_return(char *buffer, size_t size, uint64_t address)
{
    format_address(buffer, size, address, 1);
}
