// Kernel stacks. The stack area is cut into slots; a stack is the top pages of its slot, and what
// lies below stays unmapped, so that an overflow faults instead of running into another stack.
// Released stacks stay mapped: first at the CPU, then in a small cache. A slot's bit is set while
// it has frames.
#include "debug/fail.h"
#include "lib/bitmap.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/kernel_map.h"
#include "mem/kernel_map_internal.h"
#include "mem/page_table.h"
#include "mem/translation.h"

#define SLOT_PAGES 8ull // a power of two: slots do not cross page tables
#define SLOT_SIZE (SLOT_PAGES * PAGE_SIZE)
#define SLOT_LIMIT 32768u // 1 GiB: one page directory, so that only page tables come and go
#define SLOTS_PER_TABLE (512u / SLOT_PAGES)
#define CACHE_LIMIT 64u // more are unmapped, as soon as somebody has released the lock
#define CACHE_SIZE (CACHE_LIMIT + CPU_LIMIT)
#define UNMAP_BATCH 32u

_Static_assert(SLOTS_PER_TABLE == 64, "a word of used_slots stands for a page table");
_Static_assert(KERNEL_STACK_PAGES < SLOT_PAGES, "a slot has room for a guard page");

// All guarded by kernel_map_lock.
static uint64_t used_slots[SLOT_LIMIT / 64];
static uint32_t cached_slots[CACHE_SIZE];
static uint32_t cached_count;

static uint64_t slot_top(uint32_t slot)
{
    return STACK_AREA_BASE + (slot + 1ull) * SLOT_SIZE;
}

// Without guard pages, the build that shows what they are good for, the page below is memory too.
static uint64_t mapped_pages(void)
{
    return KERNEL_STACK_PAGES + (PROTECT_GUARD ? 0 : 1);
}

// The entry of the lowest page of a slot's stack; those of the others follow, since a slot does not
// cross page tables.
static uint64_t *slot_entries(uint32_t slot, bool create)
{
    return page_table_entry(kernel_page_table_root, slot_top(slot) - mapped_pages() * PAGE_SIZE,
                            create);
}

// Takes a slot's pages away in two steps, between which every CPU flushes: others may have used the
// stack. After the first the entries still tell which frames they were, and the slot is nobody's.
static void hide_slot(uint32_t slot)
{
    uint64_t *entries = slot_entries(slot, false);

    for (uint64_t page = 0; page < mapped_pages(); page++)
        entries[page] &= ~PTE_PRESENT;
}

static void free_slot(uint32_t slot)
{
    uint64_t *entries = slot_entries(slot, false);

    for (uint64_t page = 0; page < mapped_pages(); page++) {
        kassert((entries[page] & PTE_PRESENT) == 0);
        frame_release(frame_at(pte_address(entries[page])));
        entries[page] = 0;
    }
    bitmap_clear(used_slots, slot);
}

// Unmaps stacks of the cache until it holds `keep` or UNMAP_BATCH were taken, which it returns. No
// lock is held: it waits for other CPUs.
static uint32_t unmap_cached(uint32_t keep)
{
    uint32_t slots[UNMAP_BATCH];
    uint32_t count = 0;

    spinlock_acquire(&kernel_map_lock);
    while (cached_count > keep && count < UNMAP_BATCH) {
        slots[count] = cached_slots[--cached_count];
        hide_slot(slots[count++]);
    }
    spinlock_release(&kernel_map_lock);
    if (count == 0)
        return 0;
    translation_flush_kernel();
    for (uint32_t i = 0; i < count; i++) { // each is much to do with interrupts off
        spinlock_acquire(&kernel_map_lock);
        free_slot(slots[i]);
        spinlock_release(&kernel_map_lock);
    }
    return count;
}

// All of a stack's frames, or none.
static bool allocate_frames(struct frame *frames[SLOT_PAGES])
{
    for (uint64_t page = 0; page < mapped_pages(); page++) {
        frames[page] = frame_allocate(FRAME_STACK);
        if (frames[page] != NULL)
            continue;
        while (page > 0)
            frame_release(frames[--page]);
        return false;
    }
    return true;
}

static bool map_slot(uint32_t slot)
{
    struct frame *frames[SLOT_PAGES];
    uint64_t *entries = slot_entries(slot, true);

    if (entries == NULL || !allocate_frames(frames))
        return false;
    bitmap_set(used_slots, slot);
    for (uint64_t page = 0; page < mapped_pages(); page++) {
        kassert(entries[page] == 0);
        // Nothing of an earlier owner stays. An emulator that translated code of the firmware in
        // this frame also watches every store to it until that code is overwritten, which made a
        // stack slow.
        memset(frame_pointer(frames[page]), 0, PAGE_SIZE);
        entries[page] = frame_address(frames[page]).value | PTE_PRESENT | PTE_WRITE | PTE_GLOBAL |
                        PTE_NO_EXECUTE | PTE_ACCESSED | PTE_DIRTY;
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

// One that lies ready at the CPU; SLOT_LIMIT when there is none.
static uint32_t take_ready(struct percpu *cpu)
{
    for (uint32_t i = 0; i < STACKS_READY_LIMIT; i++) {
        atomic_uint *place = &cpu->stacks_ready[i];
        uint32_t number = 0;
        if (atomic_load_explicit(place, memory_order_relaxed) != 0)
            number = atomic_exchange_explicit(place, 0, memory_order_acquire);
        if (number != 0)
            return number - 1;
    }
    return SLOT_LIMIT;
}

static bool put_ready(struct percpu *cpu, uint32_t slot)
{
    for (uint32_t i = 0; i < STACKS_READY_LIMIT; i++) {
        atomic_uint *place = &cpu->stacks_ready[i];
        uint32_t nobody = 0;
        if (atomic_load_explicit(place, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(place, &nobody, slot + 1, memory_order_release,
                                                    memory_order_relaxed))
            return true;
    }
    return false;
}

uint64_t kernel_stack_allocate(void)
{
    struct percpu *cpu = this_cpu();

    if (fail_here(FAIL_STACK))
        return 0;
    uint32_t slot = take_ready(cpu);
    if (slot == SLOT_LIMIT) {
        spinlock_acquire(&kernel_map_lock);
        slot = take_slot();
        spinlock_release(&kernel_map_lock);
    }
    if (slot == SLOT_LIMIT)
        return 0;
    cpu->stacks_live++;
    return slot_top(slot);
}

static void put_cached(uint32_t slot)
{
    spinlock_acquire(&kernel_map_lock);
    kassert(cached_count < CACHE_SIZE);
    cached_slots[cached_count++] = slot;
    bool is_full = cached_count > CACHE_LIMIT;
    spinlock_release(&kernel_map_lock);
    if (is_full) // half of it goes, so that CPUs are not called for each stack that follows
        (void)unmap_cached(CACHE_LIMIT - UNMAP_BATCH);
}

static bool is_free(uint32_t slot)
{
    const struct percpu *cpu;
    bool found = false;

    for_each_cpu(cpu)
    {
        for (uint32_t i = 0; i < STACKS_READY_LIMIT; i++)
            found |= atomic_load_explicit(&cpu->stacks_ready[i], memory_order_relaxed) == slot + 1;
    }
    spinlock_acquire(&kernel_map_lock);
    for (uint32_t i = 0; i < cached_count; i++)
        found |= cached_slots[i] == slot;
    found |= !bitmap_test(used_slots, slot);
    spinlock_release(&kernel_map_lock);
    return found;
}

void kernel_stack_release(uint64_t top)
{
    struct percpu *cpu = this_cpu();
    uint64_t slot = (top - STACK_AREA_BASE) / SLOT_SIZE - 1;

    kassert(top % SLOT_SIZE == 0 && slot < SLOT_LIMIT);
    kassert(!DEBUG_CHECKS || !is_free((uint32_t)slot));
    cpu->stacks_live--;
    if (!put_ready(cpu, (uint32_t)slot))
        put_cached((uint32_t)slot);
}

// Frees the page table of a group of slots when none is used. Nobody gets one of them before all
// CPUs have forgotten the way to the old table (SDM vol. 3A, 4.10.3), or they would not find
// theirs.
static bool prune_table(uint32_t first_slot)
{
    uint64_t *word = &used_slots[first_slot / SLOTS_PER_TABLE];

    spinlock_acquire(&kernel_map_lock);
    struct frame *table =
        page_table_take_empty(kernel_page_table_root, STACK_AREA_BASE + first_slot * SLOT_SIZE, 1);
    if (table != NULL)
        *word = UINT64_MAX;
    spinlock_release(&kernel_map_lock);
    if (table == NULL)
        return false;
    translation_flush_kernel();
    frame_release(table);
    spinlock_acquire(&kernel_map_lock);
    *word = 0;
    spinlock_release(&kernel_map_lock);
    return true;
}

uint64_t kernel_stacks_drain(void)
{
    struct percpu *cpu;
    uint64_t count = 0;

    for_each_cpu(cpu)
    {
        for (uint32_t slot; (slot = take_ready(cpu)) != SLOT_LIMIT;)
            put_cached(slot);
    }
    for (uint32_t drained; (drained = unmap_cached(0)) > 0;)
        count += drained * mapped_pages();
    for (uint32_t slot = 0; slot < SLOT_LIMIT; slot += SLOTS_PER_TABLE)
        count += prune_table(slot);
    return count;
}

uint64_t kernel_stacks_live(void)
{
    const struct percpu *cpu;
    int64_t count = 0;

    for_each_cpu(cpu) count += __atomic_load_n(&cpu->stacks_live, __ATOMIC_RELAXED);
    return (uint64_t)count;
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
