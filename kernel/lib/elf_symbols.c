// The symbol table of an ELF file that lies in memory, for symbolised backtraces. The panic path
// calls this, so nothing here may fault: every offset is checked against the file's size.
#include "lib/elf.h"

#include "lib/string.h"

#define SECTION_SYMBOL_TABLE 2u
#define SECTION_STRING_TABLE 3u
#define SYMBOL_TYPE_MASK 15u
#define SYMBOL_FUNCTION 2u
#define SECTION_UNDEFINED 0u
#define TABLE_ALIGNMENT 8u

static bool range_is_inside(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

// The table of section headers, or NULL when it is not wholly inside the file.
static const struct elf_section_header *find_sections(const uint8_t *file, size_t size)
{
    const struct elf_header *header = (const struct elf_header *)file;

    if ((uintptr_t)file % TABLE_ALIGNMENT != 0 || size < sizeof(*header))
        return NULL;
    if (memcmp(header->ident, "\177ELF\2\1", 6) != 0)
        return NULL;
    if (header->section_entry_size != sizeof(struct elf_section_header) ||
        header->section_offset % TABLE_ALIGNMENT != 0)
        return NULL;
    if (!range_is_inside(header->section_offset,
                         (uint64_t)header->section_count * sizeof(struct elf_section_header), size))
        return NULL;
    return (const struct elf_section_header *)(file + header->section_offset);
}

static bool use_table(const uint8_t *file, size_t size, const struct elf_section_header *table,
                      const struct elf_section_header *names, struct elf_symbols *symbols)
{
    if (table->entry_size != sizeof(struct elf_symbol) || table->offset % TABLE_ALIGNMENT != 0 ||
        !range_is_inside(table->offset, table->size, size))
        return false;
    if (names->type != SECTION_STRING_TABLE || names->size == 0 ||
        !range_is_inside(names->offset, names->size, size))
        return false;
    if (file[names->offset + names->size - 1] != '\0') // so that every name in it ends
        return false;
    *symbols = (struct elf_symbols){
        .table = (const struct elf_symbol *)(file + table->offset),
        .count = table->size / sizeof(struct elf_symbol),
        .names = (const char *)file + names->offset,
        .names_size = names->size,
    };
    return true;
}

bool elf_find_symbols(const void *file, size_t size, struct elf_symbols *symbols)
{
    const struct elf_header *header = file;
    const struct elf_section_header *sections = find_sections(file, size);

    if (sections == NULL)
        return false;
    for (size_t i = 0; i < header->section_count; i++) {
        if (sections[i].type != SECTION_SYMBOL_TABLE || sections[i].link >= header->section_count)
            continue;
        if (use_table(file, size, &sections[i], &sections[sections[i].link], symbols))
            return true;
    }
    return false;
}

static bool symbol_covers(const struct elf_symbols *symbols, const struct elf_symbol *symbol,
                          uint64_t address)
{
    return (symbol->info & SYMBOL_TYPE_MASK) == SYMBOL_FUNCTION &&
           symbol->section != SECTION_UNDEFINED && symbol->name < symbols->names_size &&
           address >= symbol->value && address - symbol->value < symbol->size;
}

const char *elf_symbol_at(const struct elf_symbols *symbols, uint64_t address, uint64_t *offset)
{
    for (size_t i = 0; i < symbols->count; i++) {
        const struct elf_symbol *symbol = &symbols->table[i];
        if (symbol_covers(symbols, symbol, address)) {
            *offset = address - symbol->value;
            return symbols->names + symbol->name;
        }
    }
    return NULL;
}
