// The walk that reads. Called by /proc/page_tables. Invariant: tables of the kernel's half go only
// with the kernel map lock held (kernel_stack.c), so none disappears in mid-walk.
#include "mem/page_walk.h"

#include "cpu/features.h"
#include "mem/frame.h"
#include "mem/kernel_map_internal.h"
#include "mem/page_table.h"

#define ENTRIES 512u
#define ROOT_LEVEL 3u
#define KERNEL_HALF_BASE 0xffff800000000000ull
#define LARGE_ADDRESS_MASK (PTE_ADDRESS_MASK & ~0x1000ull) // bit 12 of a large page is its PAT bit

// What one page entry says, and those above it allow.
struct rights {
    bool write, execute, user;
};

static uint64_t span(uint32_t level)
{
    return PAGE_SIZE << (9 * level);
}

static struct rights restrict_rights(struct rights above, uint64_t entry)
{
    return (struct rights){
        .write = above.write && (entry & PTE_WRITE) != 0,
        .execute = above.execute && !(cpu_features.nx && (entry & PTE_NO_EXECUTE) != 0),
        .user = above.user && (entry & PTE_USER) != 0,
    };
}

static void describe(struct mapped_page *page, uint64_t address, uint32_t level, uint64_t entry,
                     struct rights rights)
{
    *page = (struct mapped_page){
        .start = align_down(address, span(level)),
        .size = span(level),
        .physical = entry & (level > 0 ? LARGE_ADDRESS_MASK : PTE_ADDRESS_MASK),
        .write = rights.write,
        .execute = rights.execute,
        .user = rights.user,
        .global = (entry & PTE_GLOBAL) != 0,
    };
}

// From *address down to a page. When nothing is mapped there, false, and *address moves to where
// the next entry begins (0: past the top).
static bool find_page(phys_addr root, uint64_t *address, struct mapped_page *page)
{
    const uint64_t *table = direct_map_pointer(root);
    struct rights rights = { true, true, true };

    for (uint32_t level = ROOT_LEVEL;; level--) {
        uint64_t entry = table[*address >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1)];
        if (!(entry & PTE_PRESENT)) {
            *address = align_down(*address, span(level)) + span(level);
            return false;
        }
        rights = restrict_rights(rights, entry);
        if (level == 0 || (entry & PTE_LARGE)) {
            describe(page, *address, level, entry, rights);
            return true;
        }
        table = direct_map_pointer(pte_address(entry));
    }
}

bool page_walk_kernel_half(phys_addr root, uint64_t address, struct mapped_page *page)
{
    address = max_of(address, KERNEL_HALF_BASE);
    while (address != 0) {
        spinlock_acquire(&kernel_map_lock);
        bool found = find_page(root, &address, page);
        spinlock_release(&kernel_map_lock);
        if (found)
            return true;
    }
    return false;
}

// But for what the CPU notes in them.
bool page_walk_same_user_half(phys_addr root, phys_addr other)
{
    const uint64_t *table = direct_map_pointer(root), *other_table = direct_map_pointer(other);

    for (uint32_t i = 0; i < ENTRIES / 2; i++) {
        if ((table[i] ^ other_table[i]) & ~PTE_ACCESSED)
            return false;
    }
    return true;
}
