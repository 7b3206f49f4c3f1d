// Choices of CPUs. Called by migrate.c with what it sees of the others, which may have changed by
// the time that the choice is acted upon: every answer is one that the mask allows, and no more.
#include "sched/placement.h"

#include "lib/types.h"

// The first CPU of the set from `first` to `end` - 1.
static uint32_t find_between(const struct cpu_mask *one, const struct cpu_mask *other,
                             uint32_t first, uint32_t end)
{
    while (first < end) {
        uint64_t word = __atomic_load_n(&one->words[first / 64], __ATOMIC_RELAXED) &
                        __atomic_load_n(&other->words[first / 64], __ATOMIC_RELAXED);
        word &= ~0ull << first % 64;
        if (word) {
            uint32_t found = first / 64 * 64 + (uint32_t)__builtin_ctzll(word);
            return found < end ? found : PLACEMENT_NONE;
        }
        first = (first / 64 + 1) * 64;
    }
    return PLACEMENT_NONE;
}

uint32_t placement_find_idle(const struct cpu_mask *affinity, const struct cpu_mask *idle,
                             uint32_t count, uint32_t near)
{
    uint32_t found = find_between(affinity, idle, near + 1, count);

    return found != PLACEMENT_NONE ? found
                                   : find_between(affinity, idle, 0, min_of(near + 1, count));
}

uint32_t placement_find_lightest(const struct cpu_mask *affinity, const uint16_t *loads,
                                 uint32_t count, uint32_t near)
{
    uint32_t best = PLACEMENT_NONE;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (near + i) % count;
        if (cpu_mask_has(affinity, number) &&
            (best == PLACEMENT_NONE || loads[number] < loads[best]))
            best = number;
    }
    return best;
}
