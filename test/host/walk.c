// Four-level translation as SDM vol. 3A, 4.5 describes it.
#include "walk.h"

#include "mem/frame.h"

struct walk_result walk_tables(phys_addr root, uint64_t address)
{
    struct walk_result result = { .user = true, .writable = true, .executable = true };
    uint64_t table = root.value;

    for (int shift = 39; shift >= 12; shift -= 9) {
        const uint64_t *entries = direct_map_pointer(phys_make(table));
        uint64_t entry = entries[address >> shift & 511];
        if ((entry & 1) == 0)
            return (struct walk_result){ .mapped = false };
        result.writable &= (entry & 2) != 0;
        result.user &= (entry & 4) != 0;
        result.executable &= entry >> 63 == 0;
        table = entry & 0x000ffffffffff000;
        if (shift == 12 || (entry & 0x80) != 0) {
            uint64_t size = 1ull << shift;
            result.mapped = true;
            result.entry = entry;
            result.size = size;
            result.physical = (table & ~(size - 1)) + (address & (size - 1));
            return result;
        }
    }
    return result;
}
