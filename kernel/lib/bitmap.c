// Searching in bitmaps; the one-bit operations are in the header. Bits at or beyond the limit are
// never reported, though their words may be read.
#include "lib/bitmap.h"

// The first bit that differs from those of `background`, 0 or all ones.
static inline size_t find_other(const uint64_t *words, size_t from, size_t limit,
                                uint64_t background)
{
    size_t bit = from;

    while (bit < limit) {
        // Bits below `bit` in its word don't count.
        uint64_t others = (words[bit / 64] ^ background) & (~0ull << (bit % 64));
        if (others != 0) {
            bit = bit / 64 * 64 + (size_t)__builtin_ctzll(others);
            return bit < limit ? bit : limit;
        }
        bit = (bit / 64 + 1) * 64;
    }
    return limit;
}

size_t bitmap_find_clear(const uint64_t *words, size_t from, size_t limit)
{
    return find_other(words, from, limit, ~0ull);
}

size_t bitmap_find_set(const uint64_t *words, size_t from, size_t limit)
{
    return find_other(words, from, limit, 0);
}
