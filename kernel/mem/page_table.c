// The walk through four-level page tables (SDM vol. 3A, 4.5). Tables are frames reached through the
// direct map. They are zeroed here, whatever a build leaves out: a table with leftovers in it would
// map memory at random. Rights are set in the last level only; upper entries allow everything.
#include "mem/page_table.h"

#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"

#define ENTRIES 512u
#define USER_ROOT_ENTRIES 256u // the lower half; the rest is the kernel's, shared by all roots
#define ROOT_LEVEL 3u          // level 0 holds page entries

phys_addr kernel_page_table_root;
bool kernel_half_is_shared;

static uint64_t *table_pointer(uint64_t entry)
{
    return direct_map_pointer(pte_address(entry));
}

static uint32_t entry_index(uint64_t address, uint32_t level)
{
    return address >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1);
}

// Bytes that one entry of a table at this level covers.
static uint64_t entry_span(uint32_t level)
{
    return PAGE_SIZE << (9 * level);
}

static struct frame *allocate_table(void)
{
    struct frame *frame = frames_allocate(0, FRAME_PAGE_TABLE);

    if (frame != NULL)
        memset(frame_pointer(frame), 0, PAGE_SIZE);
    return frame;
}

phys_addr page_table_create(void)
{
    struct frame *frame = allocate_table();

    if (frame == NULL)
        return phys_make(0);
    // The kernel half of the root never changes once it was copied, so no lock is needed.
    kernel_half_is_shared = true;
    uint64_t *root = frame_pointer(frame);
    uint64_t *kernel_root = direct_map_pointer(kernel_page_table_root);
    memcpy(root + USER_ROOT_ENTRIES, kernel_root + USER_ROOT_ENTRIES,
           (ENTRIES - USER_ROOT_ENTRIES) * sizeof(*root));
    return frame_address(frame);
}

static bool table_is_empty(const uint64_t *table)
{
    uint64_t bits = 0;

    for (uint32_t i = 0; i < ENTRIES; i += 4)
        bits |= table[i] | table[i + 1] | table[i + 2] | table[i + 3];
    return bits == 0;
}

static struct frame *unlink_table(uint64_t *link)
{
    struct frame *frame = frame_at(pte_address(*link));

    kassert(frame != NULL && frame->use == FRAME_PAGE_TABLE);
    *link = 0;
    return frame;
}

// Frees the tables below `table`, each counted off *budget. False when the budget ran out first.
static bool release_below(uint64_t *table, uint32_t level, uint32_t count, uint32_t *budget)
{
    for (uint32_t i = 0; i < count; i++) {
        if (table[i] == 0)
            continue;
        if (*budget == 0)
            return false;
        if (level > 1) {
            if (!release_below(table_pointer(table[i]), level - 1, ENTRIES, budget))
                return false;
        } else if (DEBUG_CHECKS) {
            kassert(table_is_empty(table_pointer(table[i])));
        }
        frame_release(unlink_table(&table[i]));
        *budget -= *budget > 0;
    }
    return true;
}

bool page_table_destroy_step(phys_addr root, uint32_t table_limit)
{
    kassert(root.value != kernel_page_table_root.value);
    if (!release_below(direct_map_pointer(root), ROOT_LEVEL, USER_ROOT_ENTRIES, &table_limit))
        return false;
    frame_release(frame_at(root));
    return true;
}

void page_table_destroy(phys_addr root)
{
    bool finished = page_table_destroy_step(root, UINT32_MAX);

    kassert(finished);
}

// The table that the entry leads to; with `create`, a missing one is made. NULL: there is none.
static uint64_t *next_table(uint64_t *link, uint64_t rights, bool create)
{
    if ((*link & PTE_PRESENT) != 0) {
        bool is_large = (*link & PTE_LARGE) != 0;
        kassert(!(is_large && create));
        return is_large ? NULL : table_pointer(*link);
    }
    if (!create)
        return NULL;
    struct frame *frame = allocate_table();
    if (frame == NULL)
        return NULL;
    *link = frame_address(frame).value | rights;
    return frame_pointer(frame);
}

uint64_t *page_table_entry_at(phys_addr root, uint64_t address, uint32_t level, bool create)
{
    uint64_t *table = direct_map_pointer(root);
    bool is_user = entry_index(address, ROOT_LEVEL) < USER_ROOT_ENTRIES;
    uint64_t rights = PTE_PRESENT | PTE_WRITE | (is_user ? PTE_USER : 0);

    for (uint32_t above = ROOT_LEVEL; above > level; above--) {
        table = next_table(&table[entry_index(address, above)], rights, create);
        if (table == NULL)
            return NULL;
    }
    return &table[entry_index(address, level)];
}

uint64_t *page_table_entry(phys_addr root, uint64_t address, bool create)
{
    return page_table_entry_at(root, address, 0, create);
}

struct frame *page_table_take_empty(phys_addr root, uint64_t address)
{
    uint64_t *link = page_table_entry_at(root, address, 1, false);

    if (link == NULL || *link == 0 || !table_is_empty(table_pointer(*link)))
        return NULL;
    return unlink_table(link);
}

// The lowest level at which the walk to `address` finds an entry; *entry is that entry.
static uint32_t walk_down(phys_addr root, uint64_t address, uint64_t **entry)
{
    uint64_t *table = direct_map_pointer(root);
    uint32_t level = ROOT_LEVEL;

    for (;; level--) {
        *entry = &table[entry_index(address, level)];
        if (level == 0 || (**entry & PTE_PRESENT) == 0 || (**entry & PTE_LARGE) != 0)
            return level;
        table = table_pointer(**entry);
    }
}

uint64_t page_table_next_mapped(phys_addr root, uint64_t start, uint64_t end, uint64_t **entry)
{
    uint64_t address = start;

    kassert(start % PAGE_SIZE == 0);
    while (address < end) {
        uint64_t *found;
        uint32_t level = walk_down(root, address, &found);

        // Page entries lie side by side until the table ends.
        for (; level == 0 && address < end; address += PAGE_SIZE, found++) {
            if (*found != 0) {
                *entry = found;
                return address;
            }
            if (entry_index(address, 0) == ENTRIES - 1)
                break;
        }
        uint64_t next = align_down(address, entry_span(level)) + entry_span(level);
        if (next <= address) // past the top of the address space
            break;
        address = next;
    }
    return end;
}
