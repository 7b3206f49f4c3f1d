// The walk through four-level page tables (SDM vol. 3A, 4.5). Tables are frames reached through the
// direct map. They come blank, whatever a build leaves out: a table with leftovers in it would map
// memory at random; and they go blank, so that the next one need not be cleared. Rights are set in
// the last level only; upper entries allow everything.
#include "mem/page_table.h"

#include "cpu/isolation.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/entry_map.h"
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

static bool leads_to_table(uint64_t entry)
{
    return (entry & (PTE_PRESENT | PTE_LARGE)) == PTE_PRESENT;
}

// Bytes that one entry of a table at this level covers.
static uint64_t entry_span(uint32_t level)
{
    return PAGE_SIZE << (9 * level);
}

// What the kernel's half of every root holds: the same entries in each, noted when the first root
// is made and not changed from then on, so that no lock is needed. Few, so that they are put in and
// taken out one by one, and the rest of a root stays blank.
static uint32_t kernel_entry_count;
static uint16_t kernel_entries[ENTRIES - USER_ROOT_ENTRIES];

static bool roots_are_simple; // nothing is to be done for a new one but to enter these

static void share_kernel_half(void)
{
    const uint64_t *table = direct_map_pointer(kernel_page_table_root);

    kernel_entry_count = 0;
    for (uint32_t i = USER_ROOT_ENTRIES; i < ENTRIES; i++) {
        if (table[i] != 0)
            kernel_entries[kernel_entry_count++] = (uint16_t)i;
    }
    kernel_half_is_shared = true;
    roots_are_simple = !isolation_is_on;
}

// A root, blank, and with isolation its companion, which is not.
never_inlined static struct frame *allocate_pair(void)
{
    struct frame *pair = frames_allocate(1, FRAME_PAGE_TABLE);

    if (pair == NULL)
        return NULL;
    memset(frame_pointer(pair), 0, 2 * PAGE_SIZE);
    entry_map_fill_root(direct_map_pointer(page_table_companion(frame_address(pair))));
    return pair;
}

static inline struct frame *allocate_root(void)
{
    if (likely(roots_are_simple))
        return frame_allocate_blank(FRAME_PAGE_TABLE);
    if (!kernel_half_is_shared)
        share_kernel_half();
    return isolation_is_on ? allocate_pair() : frame_allocate_blank(FRAME_PAGE_TABLE);
}

// A table was put into a root's user half: ring 3 has the same.
never_inlined static void tell_companion(phys_addr root, const uint64_t *entry)
{
    uint64_t index = (uint64_t)(entry - (const uint64_t *)direct_map_pointer(root));
    uint64_t *companion = direct_map_pointer(page_table_companion(root));

    if (index < USER_ROOT_ENTRIES)
        companion[index] = *entry;
}

phys_addr page_table_create(void)
{
    struct frame *frame = allocate_root();

    if (frame == NULL)
        return phys_make(0);
    uint64_t *root = frame_pointer(frame);
    const uint64_t *kernel_root = direct_map_pointer(kernel_page_table_root);
    for (uint32_t i = 0; i < kernel_entry_count; i++)
        root[kernel_entries[i]] = kernel_root[kernel_entries[i]];
    list_init(&frame->link);
    atomic_init(&frame->table_count, 0);
    return frame_address(frame);
}

uint64_t page_table_count(phys_addr root)
{
    return atomic_load_explicit(&frame_at(root)->table_count, memory_order_relaxed);
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

// The newest goes first: a table is older than those below it, and blank once they are gone.
bool page_table_destroy_step(phys_addr root, uint32_t table_limit)
{
    if (DEBUG_CHECKS)
        kassert(root.value != kernel_page_table_root.value);
    struct frame *root_frame = frame_at(root);
    while (!list_is_empty(&root_frame->link)) {
        if (table_limit-- == 0)
            return false;
        struct frame *frame = list_first(&root_frame->link, struct frame, link);
        list_remove(&frame->link);
        *frame->table_entry = 0;
        frame_release_blank(frame);
    }
    uint64_t *table = frame_pointer(root_frame);
    for (uint32_t i = 0; i < kernel_entry_count; i++)
        table[kernel_entries[i]] = 0;
    if (unlikely(isolation_is_on))
        frame_release(root_frame); // the pair
    else
        frame_release_blank(root_frame);
    return true;
}

void page_table_destroy(phys_addr root)
{
    bool finished = page_table_destroy_step(root, UINT32_MAX);

    kassert(finished);
}

// A new table below `entry`. One of the user half is noted with its root, which frees it.
static uint64_t *add_table(phys_addr root, uint64_t *entry, bool is_user)
{
    struct frame *frame = frame_allocate_blank(FRAME_PAGE_TABLE);

    if (frame == NULL)
        return NULL;
    frame->table_entry = entry;
    if (is_user) {
        if (DEBUG_CHECKS)
            kassert(root.value != kernel_page_table_root.value);
        struct frame *root_frame = frame_at(root);
        list_prepend(&root_frame->link, &frame->link);
        atomic_store_explicit(&root_frame->table_count, page_table_count(root) + 1,
                              memory_order_relaxed); // whoever adds has the space's mutex
    }
    *entry = frame_address(frame).value | PTE_PRESENT | PTE_WRITE | (is_user ? PTE_USER : 0);
    if (unlikely(isolation_is_on) && is_user)
        tell_companion(root, entry);
    return frame_pointer(frame);
}

uint64_t *page_table_entry_at(phys_addr root, uint64_t address, uint32_t level, bool create)
{
    uint64_t *table = direct_map_pointer(root);
    bool is_user = entry_index(address, ROOT_LEVEL) < USER_ROOT_ENTRIES;

    for (uint32_t above = ROOT_LEVEL; above > level; above--) {
        uint64_t *entry = &table[entry_index(address, above)];
        if (leads_to_table(*entry)) {
            table = table_pointer(*entry);
            continue;
        }
        kassert(!(create && *entry != 0));
        table = create ? add_table(root, entry, is_user) : NULL;
        if (table == NULL)
            return NULL;
    }
    return &table[entry_index(address, level)];
}

// The way down where nothing is missing, without a loop; faults go it.
uint64_t *page_table_entry(phys_addr root, uint64_t address, bool create)
{
    const uint64_t *table = direct_map_pointer(root);
    uint64_t entry = table[entry_index(address, 3)];

    if (likely(leads_to_table(entry))) {
        entry = table_pointer(entry)[entry_index(address, 2)];
        if (likely(leads_to_table(entry))) {
            entry = table_pointer(entry)[entry_index(address, 1)];
            if (likely(leads_to_table(entry)))
                return &table_pointer(entry)[entry_index(address, 0)];
        }
    }
    return page_table_entry_at(root, address, 0, create);
}

struct frame *page_table_take_empty(phys_addr root, uint64_t address, uint32_t level)
{
    uint64_t *link = page_table_entry_at(root, address, level, false);

    if (link == NULL || *link == 0 || !table_is_empty(table_pointer(*link)))
        return NULL;
    return unlink_table(link);
}

uint64_t *page_table_entry_or_skip(phys_addr root, uint64_t *address)
{
    uint64_t *table = direct_map_pointer(root);

    for (uint32_t level = ROOT_LEVEL; level > 0; level--) {
        uint64_t entry = table[entry_index(*address, level)];
        if (!leads_to_table(entry)) {
            uint64_t next = align_down(*address, entry_span(level)) + entry_span(level);
            *address = next == 0 ? UINT64_MAX : next; // past the top of the address space
            return NULL;
        }
        table = table_pointer(entry);
    }
    return &table[entry_index(*address, 0)];
}

uint64_t page_table_next_mapped(phys_addr root, uint64_t start, uint64_t end, uint64_t **entry)
{
    uint64_t address = start;

    kassert(start % PAGE_SIZE == 0);
    while (address < end) {
        uint64_t *found = page_table_entry_or_skip(root, &address);
        if (found == NULL)
            continue;
        uint64_t table_end = min_of(align_down(address, entry_span(1)) + entry_span(1), end);
        for (; address < table_end; address += PAGE_SIZE, found++) {
            if (*found != 0) {
                *entry = found;
                return address;
            }
        }
    }
    return end;
}
