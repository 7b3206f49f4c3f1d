// Makes and keeps what ring 3's tables map of the kernel's half. Invariant: nothing is ever mapped
// here but the pages between entry_text_start and entry_text_end, entry_data_start and
// entry_data_end, and of further CPUs their struct cpu_tables and entry pages, at the addresses
// that they have in the kernel's tables, never global; root entries do not change once a companion
// was made.
#include "mem/entry_map.h"

#include "cpu/features.h"
#include "cpu/isolation.h"
#include "cpu/tables.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/page_table.h"

#define ENTRIES 512u
#define USER_ROOT_ENTRIES 256u
#define ROOT_LEVEL 3u

static phys_addr entry_root;

// The direct map has large pages, the image has not.
static uint64_t physical_of(uint64_t address)
{
    if (address - DIRECT_MAP_BASE < DIRECT_MAP_SIZE)
        return address - DIRECT_MAP_BASE;
    const uint64_t *entry = page_table_entry(kernel_page_table_root, address, false);
    kassert(entry && (*entry & PTE_PRESENT));
    return pte_address(*entry).value;
}

// The same frame at the same address, with the rights that are given. False: no memory.
static bool share_page(uint64_t address, uint64_t rights)
{
    uint64_t *entry = page_table_entry(entry_root, address, true);

    if (entry == NULL)
        return false;
    *entry = physical_of(address) | rights | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY;
    return true;
}

static bool share(const void *start, const void *end, uint64_t rights)
{
    for (uint64_t page = (uint64_t)start; page < (uint64_t)end; page += PAGE_SIZE) {
        if (!share_page(page, rights))
            return false;
    }
    return true;
}

static uint64_t data_rights(void)
{
    return PTE_WRITE | (cpu_features.nx ? PTE_NO_EXECUTE : 0);
}

// For the build without `kpti`: all that the kernel has.
static void share_everything(void)
{
    uint64_t *table = direct_map_pointer(entry_root);
    const uint64_t *kernel = direct_map_pointer(kernel_page_table_root);

    for (uint32_t i = USER_ROOT_ENTRIES; i < ENTRIES; i++)
        table[i] = kernel[i];
}

void entry_map_init(void)
{
    if (!isolation_is_on)
        return;
    struct frame *root = frame_allocate_blank(FRAME_PAGE_TABLE);
    if (root == NULL)
        panic("no memory for ring 3's page tables");
    entry_root = frame_address(root);
    // Further CPUs' tables lie in the direct map: its root entry gets its table now.
    if (!share(entry_text_start, entry_text_end, 0) ||
        !share(entry_data_start, entry_data_end, data_rights()) ||
        page_table_entry_at(entry_root, DIRECT_MAP_BASE, ROOT_LEVEL - 1, true) == NULL)
        panic("no memory for ring 3's page tables");
    if (!PROTECT_KPTI)
        share_everything();
}

static bool share_cpu(struct percpu *cpu, uint64_t rights)
{
    const struct cpu_entry_page *page = cpu_entry_page(cpu);

    return share(cpu->tables, (const char *)cpu->tables + CPU_TABLES_SIZE, rights) &&
           share(page, page + 1, rights);
}

bool entry_map_add_cpu(struct percpu *cpu)
{
    return !isolation_is_on || !PROTECT_KPTI || share_cpu(cpu, data_rights());
}

static void remove_page(uint64_t address)
{
    uint64_t *entry = page_table_entry(entry_root, address, false);
    struct frame *table;

    if (entry == NULL)
        return;
    *entry = 0;
    for (uint32_t level = 1; level < ROOT_LEVEL; level++) {
        table = page_table_take_empty(entry_root, address, level);
        if (table != NULL)
            frame_release(table);
    }
}

static void remove(const void *start, uint64_t size)
{
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE)
        remove_page((uint64_t)start + offset);
}

void entry_map_remove_cpu(struct percpu *cpu)
{
    if (!isolation_is_on || !PROTECT_KPTI)
        return;
    remove(cpu->tables, CPU_TABLES_SIZE);
    remove(cpu_entry_page(cpu), sizeof(struct cpu_entry_page));
}

void entry_map_fill_root(uint64_t *table)
{
    const uint64_t *entries = direct_map_pointer(entry_root);

    memcpy(table + USER_ROOT_ENTRIES, entries + USER_ROOT_ENTRIES,
           (ENTRIES - USER_ROOT_ENTRIES) * sizeof(*table));
}
