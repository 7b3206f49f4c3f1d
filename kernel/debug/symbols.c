// Addresses to names, from the kernel's own ELF file. Called by panic, the latency report and
// faults' log lines. Set once at boot, read-only afterwards, no lock.
#include "debug/symbols.h"

#include "lib/elf.h"
#include "lib/format.h"

static struct elf_symbols symbols;
static bool symbols_usable;

void symbols_init(const void *file, size_t size)
{
    symbols_usable = file && elf_find_symbols(file, size, &symbols);
}

void symbols_extent(const void **start, const void **end)
{
    const void *table_end = symbols.table + symbols.count;
    const void *names = symbols.names, *names_end = symbols.names + symbols.names_size;

    *start = *end = NULL;
    if (!symbols_usable)
        return;
    *start = min_of((const void *)symbols.table, names);
    *end = max_of(table_end, names_end);
}

// `back` is how far before the address the instruction in question lies.
static void format_address(char *buffer, size_t size, uint64_t address, uint64_t back)
{
    uint64_t offset = 0;
    const char *name = symbols_usable ? elf_symbol_at(&symbols, address - back, &offset) : NULL;

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
