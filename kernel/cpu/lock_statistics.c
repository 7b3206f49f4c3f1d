// The table behind lock_statistics.h: entries are claimed by a compare-and-swap of the name, found
// by going through them, and stay. Counters are atomic: who waited has waited long enough for that.
#include "cpu/lock_statistics.h"

#include <stdatomic.h>

#include "lib/string.h"

#define ENTRY_LIMIT 64u // of names that were waited for; what comes later is not told apart

struct entry {
    const char *_Atomic name;
    atomic_uint kind_and_rank; // kind << 16 | rank
    atomic_ullong waits, ticks, longest_ticks;
};

static struct entry entries[ENTRY_LIMIT];

// The same text may lie at several addresses.
static bool is_named(struct entry *entry, const char *name)
{
    const char *here = NULL;

    if (atomic_compare_exchange_strong_explicit(&entry->name, &here, name, memory_order_acq_rel,
                                                memory_order_acquire))
        return true;
    return here == name || strcmp(here, name) == 0;
}

static struct entry *find_entry(const char *name)
{
    for (uint32_t i = 0; i < ENTRY_LIMIT - 1; i++) {
        if (is_named(&entries[i], name))
            return &entries[i];
    }
    (void)is_named(&entries[ENTRY_LIMIT - 1], "others");
    return &entries[ENTRY_LIMIT - 1];
}

void lock_wait_noted(enum lock_kind kind, const char *name, uint32_t rank, uint64_t ticks)
{
    struct entry *entry = find_entry(name);
    unsigned long long longest = atomic_load_explicit(&entry->longest_ticks, memory_order_relaxed);

    atomic_store_explicit(&entry->kind_and_rank, (uint32_t)kind << 16 | rank, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->waits, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&entry->ticks, ticks, memory_order_relaxed);
    while (ticks > longest &&
           !atomic_compare_exchange_weak_explicit(&entry->longest_ticks, &longest, ticks,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

#define HOLD_LIMIT                                                                                 \
    128u // a power of two; of names that were held, and what comes later is not noted

struct hold {
    const char *_Atomic name;
    _Atomic(enum lock_kind) kind;
    atomic_ullong longest_ticks, place;
};

static struct hold holds[HOLD_LIMIT];

// Found by the name's address, at once: this is done at every release.
void lock_hold_noted(enum lock_kind kind, const char *name, uint64_t ticks, uint64_t place)
{
    uint32_t first = (uint32_t)((uintptr_t)name * 0x9e3779b1u >> 12);

    for (uint32_t i = 0; i < HOLD_LIMIT; i++) {
        struct hold *hold = &holds[(first + i) % HOLD_LIMIT];
        const char *here = atomic_load_explicit(&hold->name, memory_order_relaxed);
        if (here != name &&
            (here || (!atomic_compare_exchange_strong(&hold->name, &here, name) && here != name)))
            continue;
        if (ticks <= atomic_load_explicit(&hold->longest_ticks, memory_order_relaxed))
            return;
        atomic_store_explicit(&hold->kind, kind, memory_order_relaxed);
        atomic_store_explicit(&hold->longest_ticks, ticks, memory_order_relaxed);
        atomic_store_explicit(&hold->place, place, memory_order_relaxed);
        return;
    }
}

bool lock_hold_get(uint32_t index, struct lock_hold *hold)
{
    if (index >= HOLD_LIMIT)
        return false;
    *hold = (struct lock_hold){
        .kind = atomic_load_explicit(&holds[index].kind, memory_order_relaxed),
        .name = atomic_load_explicit(&holds[index].name, memory_order_relaxed),
        .longest_ticks = atomic_load_explicit(&holds[index].longest_ticks, memory_order_relaxed),
        .place = atomic_load_explicit(&holds[index].place, memory_order_relaxed),
    };
    return true;
}

bool lock_statistics_get(uint32_t index, struct lock_statistics *statistics)
{
    if (index >= ENTRY_LIMIT)
        return false;
    struct entry *entry = &entries[index];
    uint32_t kind_and_rank = atomic_load_explicit(&entry->kind_and_rank, memory_order_relaxed);

    *statistics = (struct lock_statistics){
        .kind = (enum lock_kind)(kind_and_rank >> 16),
        .name = atomic_load_explicit(&entry->name, memory_order_acquire),
        .rank = kind_and_rank & 0xffff,
        .waits = atomic_load_explicit(&entry->waits, memory_order_relaxed),
        .ticks = atomic_load_explicit(&entry->ticks, memory_order_relaxed),
        .longest_ticks = atomic_load_explicit(&entry->longest_ticks, memory_order_relaxed),
    };
    return statistics->name != NULL;
}
