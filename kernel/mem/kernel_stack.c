// Kernel stacks. The stack area is cut into slots; a stack is the top pages of its slot, and what
// lies below stays unmapped, so that an overflow faults instead of running into another stack.
// Released stacks stay mapped in a small cache. A slot's bit is set while it has frames.
#include "cpu/registers.h"
#include "lib/bitmap.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "mem/kernel_map_internal.h"
#include "mem/page_table.h"

#define SLOT_PAGES 8ull // a power of two: slots do not cross page tables
#define SLOT_SIZE (SLOT_PAGES * PAGE_SIZE)
#define SLOT_LIMIT 32768u // 1 GiB: one page directory, so that only page tables come and go
#define SLOTS_PER_TABLE (512u / SLOT_PAGES)
#define CACHE_LIMIT 64u

_Static_assert(SLOTS_PER_TABLE == 64, "a word of used_slots stands for a page table");
_Static_assert(KERNEL_STACK_PAGES < SLOT_PAGES, "a slot has room for a guard page");

// All guarded by kernel_map_lock.
static uint64_t used_slots[SLOT_LIMIT / 64];
static uint32_t cached_slots[CACHE_LIMIT];
static uint32_t cached_count;
static uint64_t live_count;

static uint64_t slot_top(uint32_t slot)
{
    return STACK_AREA_BASE + (slot + 1ull) * SLOT_SIZE;
}

// Without guard pages, the build that shows what they are good for, the page below is memory too.
static uint64_t mapped_pages(void)
{
    return KERNEL_STACK_PAGES + (PROTECT_GUARD ? 0 : 1);
}

// Unmaps the top `page_count` pages of a slot. Only this CPU is flushed: with more than one CPU
// running, another must not have used the stack since it last flushed. The lock is held.
static void unmap_slot(uint32_t slot, uint64_t page_count)
{
    for (uint64_t page = 1; page <= page_count; page++) {
        uint64_t address = slot_top(slot) - page * PAGE_SIZE;
        uint64_t *entry = page_table_entry(kernel_page_table_root, address, false);
        phys_addr physical = pte_address(*entry);

        *entry = 0;
        invalidate_page(address);
        frame_release(frame_at(physical));
    }
    bitmap_clear(used_slots, slot);
}

static bool map_stack_page(uint64_t address)
{
    uint64_t *entry = page_table_entry(kernel_page_table_root, address, true);
    struct frame *frame = entry == NULL ? NULL : frame_allocate(FRAME_STACK);

    if (frame == NULL)
        return false;
    kassert(*entry == 0);
    // Nothing of an earlier owner stays. An emulator that translated code of the firmware in this
    // frame also watches every store to it until that code is overwritten, which made a stack slow.
    memset(frame_pointer(frame), 0, PAGE_SIZE);
    *entry = frame_address(frame).value | PTE_PRESENT | PTE_WRITE | PTE_GLOBAL | PTE_NO_EXECUTE |
             PTE_ACCESSED | PTE_DIRTY;
    return true;
}

static bool map_slot(uint32_t slot)
{
    bitmap_set(used_slots, slot);
    for (uint64_t page = 1; page <= mapped_pages(); page++) {
        if (!map_stack_page(slot_top(slot) - page * PAGE_SIZE)) {
            unmap_slot(slot, page - 1);
            return false;
        }
    }
    return true;
}

// A slot with its pages mapped, from the cache or new; SLOT_LIMIT when there is none.
static uint32_t take_slot(void)
{
    if (cached_count > 0)
        return cached_slots[--cached_count];
    uint32_t slot = (uint32_t)bitmap_find_clear(used_slots, 0, SLOT_LIMIT);
    if (slot == SLOT_LIMIT || !map_slot(slot))
        return SLOT_LIMIT;
    return slot;
}

uint64_t kernel_stack_allocate(void)
{
    spinlock_acquire(&kernel_map_lock);
    uint32_t slot = take_slot();
    live_count += slot != SLOT_LIMIT;
    spinlock_release(&kernel_map_lock);
    return slot == SLOT_LIMIT ? 0 : slot_top(slot);
}

static bool is_cached(uint64_t slot)
{
    for (uint32_t i = 0; i < cached_count; i++) {
        if (cached_slots[i] == slot)
            return true;
    }
    return false;
}

void kernel_stack_release(uint64_t top)
{
    uint64_t slot = (top - STACK_AREA_BASE) / SLOT_SIZE - 1;

    kassert(top % SLOT_SIZE == 0 && slot < SLOT_LIMIT);
    spinlock_acquire(&kernel_map_lock);
    kassert(bitmap_test(used_slots, slot));
    kassert(!DEBUG_CHECKS || !is_cached(slot));
    live_count--;
    if (cached_count < CACHE_LIMIT)
        cached_slots[cached_count++] = (uint32_t)slot;
    else
        unmap_slot((uint32_t)slot, mapped_pages());
    spinlock_release(&kernel_map_lock);
}

static uint64_t drain_one(void)
{
    uint64_t frames = 0;

    spinlock_acquire(&kernel_map_lock);
    if (cached_count > 0) {
        unmap_slot(cached_slots[--cached_count], mapped_pages());
        frames = mapped_pages();
    }
    spinlock_release(&kernel_map_lock);
    return frames;
}

// Frees the page table of a group of slots when none is used. The CPU may keep the way to it:
// INVLPG drops what is cached of upper tables as well (SDM vol. 3A, 4.10.4.1).
static uint64_t prune_table(uint32_t first_slot)
{
    uint64_t address = STACK_AREA_BASE + first_slot * SLOT_SIZE;

    spinlock_acquire(&kernel_map_lock);
    struct frame *table = page_table_take_empty(kernel_page_table_root, address);
    if (table != NULL) {
        invalidate_page(address);
        frame_release(table);
    }
    spinlock_release(&kernel_map_lock);
    return table != NULL ? 1 : 0;
}

uint64_t kernel_stacks_drain(void)
{
    uint64_t frames = 0, drained;

    while ((drained = drain_one()) > 0)
        frames += drained;
    for (uint32_t slot = 0; slot < SLOT_LIMIT; slot += SLOTS_PER_TABLE)
        frames += prune_table(slot);
    return frames;
}

uint64_t kernel_stacks_live(void)
{
    spinlock_acquire(&kernel_map_lock);
    uint64_t count = live_count;
    spinlock_release(&kernel_map_lock);
    return count;
}

uint64_t kernel_stack_tables(void)
{
    uint64_t tables = 0;

    spinlock_acquire(&kernel_map_lock);
    for (uint32_t word = 0; word < SLOT_LIMIT / SLOTS_PER_TABLE; word++)
        tables += used_slots[word] != 0;
    spinlock_release(&kernel_map_lock);
    return tables;
}

bool kernel_stack_is_guard(uint64_t address)
{
    uint64_t offset = address - STACK_AREA_BASE;

    return offset < SLOT_LIMIT * SLOT_SIZE &&
           offset % SLOT_SIZE < (SLOT_PAGES - KERNEL_STACK_PAGES) * PAGE_SIZE;
}
