// The kernel's half of the address space after boot: takes over the loader's tables and maps device
// memory. Invariant: the root entries of the kernel half never change once a second root was made,
// so that every root shares all that is mapped below them.
#include "mem/kernel_map.h"

#include "abi/errno.h"
#include "cpu/registers.h"
#include "debug/log.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/kernel_map_internal.h"
#include "mem/page_table.h"

#define ROOT_LEVEL 3u
#define LARGE_PAGE_SIZE (1ull << 21)
#define USER_ROOT_ENTRIES 256u
#define KERNEL_HALF_BASE 0xffff800000000000ull

#define PTE_PAT_LARGE (1ull << 12) // in a directory entry that maps a page, SDM vol. 3A, 4.9.2

extern const char kernel_image_start[], kernel_text_end[]; // kernel.ld

struct spinlock kernel_map_lock = SPINLOCK_INIT("kernel-map", LOCK_RANK_KERNEL_MAP);

// Global pages survive a CR3 write; turning CR4.PGE off drops them too (SDM vol. 3A, 4.10.4.1).
static void flush_everything(void)
{
    uint64_t cr4 = read_cr4();

    write_cr3(kernel_page_table_root.value);
    write_cr4(cr4 & ~CR4_PGE);
    write_cr4(cr4);
}

// Stacks come and go while programs run, so their root entry gets its table now.
static void share_stack_area(void)
{
    if (page_table_entry_at(kernel_page_table_root, STACK_AREA_BASE, ROOT_LEVEL - 1, true) == NULL)
        panic("no memory for the kernel's page tables");
}

// For the build without `trap-table`: programs may write where the kernel told the CPU to trap.
static void open_trap_table(void)
{
    struct packed_struct {
        uint16_t limit;
        uint64_t base;
    } table;

    __asm__ volatile("sidt %0" : "=m"(table));
    for (uint32_t level = 0; level <= ROOT_LEVEL; level++) {
        uint64_t *entry = page_table_entry_at(kernel_page_table_root, table.base, level, true);
        kassert(entry);
        *entry |= PTE_USER;
    }
}

// For the build without `wx`: the kernel may write its own code.
static void open_text(void)
{
    for (const char *page = kernel_image_start; page < kernel_text_end; page += PAGE_SIZE)
        *page_table_entry(kernel_page_table_root, (uint64_t)page, false) |= PTE_WRITE;
}

void kernel_map_init(const struct boot_info *boot)
{
    uint64_t *root = direct_map_pointer(phys_make(boot->page_table_root));

    kernel_page_table_root = phys_make(boot->page_table_root);
    kernel_half_is_shared = false;
    share_stack_area();
    for (uint32_t i = 0; i < USER_ROOT_ENTRIES; i++)
        root[i] = 0;
    if (!PROTECT_TRAP_TABLE)
        open_trap_table();
    if (!PROTECT_WX)
        open_text();
    // No mapping uses entry 4 yet, so no line is cached under a type that changes here; only the
    // TLB has to be flushed. Further CPUs set it before they use these tables (cpu/trampoline.S).
    write_msr(MSR_PAT, KERNEL_PAT);
    flush_everything();
}

static uint64_t device_entry(uint64_t physical, enum device_memory kind, bool large)
{
    uint64_t pat = large ? PTE_PAT_LARGE : PTE_PAT;
    uint64_t type = kind == DEVICE_WRITE_COMBINING ? pat : PTE_CACHE_DISABLE | PTE_WRITE_THROUGH;

    return physical | type | (large ? PTE_LARGE : 0) | PTE_PRESENT | PTE_WRITE | PTE_GLOBAL |
           PTE_NO_EXECUTE | PTE_ACCESSED | PTE_DIRTY;
}

// Two types for one physical page are undefined (SDM vol. 3A, 11.12.4), so what is there must
// agree.
static bool set_or_compare(uint64_t *entry, uint64_t wanted)
{
    if (*entry == 0)
        *entry = wanted; // not present before: nothing to flush (SDM vol. 3A, 4.10.4.3)
    return *entry == wanted;
}

// Maps the page at `physical`, a large one when it fits into `size` and no table is in the way.
// Returns the bytes covered, 0 when that is not possible. The lock is held.
static uint64_t map_device_page(uint64_t physical, uint64_t size, enum device_memory kind)
{
    uint64_t address = DEVICE_MAP_BASE + physical;
    uint64_t large_base = align_down(physical, LARGE_PAGE_SIZE);
    uint64_t *root_entry = page_table_entry_at(kernel_page_table_root, address, ROOT_LEVEL, false);

    if (*root_entry == 0 && kernel_half_is_shared)
        return 0;
    uint64_t *directory = page_table_entry_at(kernel_page_table_root, address, 1, true);
    if (directory == NULL)
        return 0;
    if ((*directory & PTE_LARGE) != 0)
        return *directory == device_entry(large_base, kind, true)
                   ? large_base + LARGE_PAGE_SIZE - physical
                   : 0;
    if (*directory == 0 && physical == large_base && size >= LARGE_PAGE_SIZE) {
        *directory = device_entry(physical, kind, true);
        return LARGE_PAGE_SIZE;
    }
    uint64_t *entry = page_table_entry(kernel_page_table_root, address, true);
    if (entry == NULL || !set_or_compare(entry, device_entry(physical, kind, false)))
        return 0;
    return PAGE_SIZE;
}

volatile void *device_map(uint64_t physical, uint64_t size, enum device_memory kind)
{
    uint64_t end, page = align_down(physical, PAGE_SIZE);

    if (size == 0 || __builtin_add_overflow(physical, size, &end) || end > DEVICE_MAP_SIZE) {
        log_error("memory", "device memory at 0x%llx cannot be mapped",
                  (unsigned long long)physical);
        return NULL;
    }
    // The lock is taken per page: a framebuffer of small pages would keep interrupts off too long.
    while (page < end) {
        spinlock_acquire(&kernel_map_lock);
        uint64_t covered = map_device_page(page, end - page, kind);
        spinlock_release(&kernel_map_lock);
        if (covered == 0)
            return NULL;
        page += covered;
    }
    return (volatile void *)(DEVICE_MAP_BASE + physical);
}

int kernel_map_direct_page(phys_addr root, uint64_t address, phys_addr physical)
{
    kassert(address < KERNEL_HALF_BASE);
    uint64_t *entry = page_table_entry(root, address, true);

    if (entry == NULL)
        return -ENOMEM;
    *entry = physical.value | PTE_PRESENT | PTE_WRITE;
    invalidate_page(address);
    return 0;
}
