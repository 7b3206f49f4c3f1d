// A set of CPUs, by number. Plain operations are for whoever guards the mask; the atomic ones for
// masks that several CPUs change.
#pragma once

#include "cpu/percpu.h"
#include "lib/types.h"

struct cpu_mask {
    uint64_t words[CPU_LIMIT / 64];
};

static inline bool cpu_mask_has(const struct cpu_mask *mask, uint32_t number)
{
    return (__atomic_load_n(&mask->words[number / 64], __ATOMIC_RELAXED) >> number % 64 & 1) != 0;
}
static inline void cpu_mask_add(struct cpu_mask *mask, uint32_t number)
{
    mask->words[number / 64] |= 1ull << number % 64;
}
static inline void cpu_mask_remove(struct cpu_mask *mask, uint32_t number)
{
    mask->words[number / 64] &= ~(1ull << number % 64);
}
// Locked instructions: full barriers.
static inline void cpu_mask_add_atomic(struct cpu_mask *mask, uint32_t number)
{
    __atomic_fetch_or(&mask->words[number / 64], 1ull << number % 64, __ATOMIC_SEQ_CST);
}
static inline void cpu_mask_remove_atomic(struct cpu_mask *mask, uint32_t number)
{
    __atomic_fetch_and(&mask->words[number / 64], ~(1ull << number % 64), __ATOMIC_SEQ_CST);
}
