// The random part of where a program's pieces lie: code (if it can move), heap, mappings, stack.
// Called by exec.c for each new program.
// Invariant: with a seed the layouts are the same in every boot; without randomisation, in every
// exec.
#include "proc/exec_layout.h"

#include "cpu/frame.h"
#include "debug/random.h"
#include "lib/protection.h"
#include "vm/vdso.h"

// As many bits as on Linux: 28 for what is mapped and what moves, 22 for the stack.
#define MOVABLE_BASE 0x555555554000ull
#define MOVABLE_RANDOM_PAGES ((1ull << 28) - 1)
#define STACK_RANDOM_PAGES ((1ull << 22) - 1) // 16 GiB
#define STRINGS_RANDOM_MASK 0x1ff0ull         // 8 KiB
#define MMAP_RANDOM_PAGES ((1ull << 28) - 1)
#define BRK_RANDOM_PAGES ((1ull << 18) - 1) // 1 GiB
#define STACK_GAP_MINIMUM (128ull << 20)    // kept for the stack below its top, whatever its limit
#define STACK_GAP_MAXIMUM (USER_ADDRESS_LIMIT / 6 * 5)
#define STACK_GUARD_GAP (1ull << 20)

static bool layouts_are_fixed; // written at boot

void exec_layout_fix(void)
{
    layouts_are_fixed = true;
}

void exec_layout_draw(struct exec_layout *layout, const struct process *process)
{
    uint64_t random[3] = { 0 };
    if (PROTECT_RANDOMISATION && !layouts_are_fixed && !(process->personality & ADDR_NO_RANDOMIZE))
        random_fill(random, sizeof(random));
    layout->movable_base = MOVABLE_BASE + (random[0] & MOVABLE_RANDOM_PAGES) * PAGE_SIZE;
    layout->brk_gap = (random[0] >> 32 & BRK_RANDOM_PAGES) * PAGE_SIZE;
    layout->mmap_gap = (random[1] & MMAP_RANDOM_PAGES) * PAGE_SIZE;
    layout->strings_gap = random[1] >> 32 & STRINGS_RANDOM_MASK;
    layout->stack_top =
        USER_ADDRESS_LIMIT - VDSO_ROOM - (random[2] & STACK_RANDOM_PAGES) * PAGE_SIZE;
    layout->vdso_random = random[2] >> 32;
}

void exec_layout_apply(const struct exec_layout *layout, struct address_space *space,
                       struct process *process)
{
    process_apply_memory_limits(process, space);
    uint64_t gap = min_of(space->stack_limit, STACK_GAP_MAXIMUM);
    gap = align_up(max_of(gap, STACK_GAP_MINIMUM), PAGE_SIZE) + STACK_GUARD_GAP;
    space->mmap_top = layout->stack_top - gap - layout->mmap_gap;
}
