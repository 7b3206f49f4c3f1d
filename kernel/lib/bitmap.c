// Searching in bitmaps; the one-bit operations are in the header. Bits at or beyond the limit are
// never reported, though their words may be read.
#include "lib/bitmap.h"

size_t bitmap_find_clear(const uint64_t *words, size_t from, size_t limit)
{
    size_t bit = from;

    while (bit < limit) {
        // Bits below `bit` in its word count as set.
        uint64_t clear = ~words[bit / 64] & (~0ull << (bit % 64));
        if (clear != 0) {
            bit = bit / 64 * 64 + (size_t)__builtin_ctzll(clear);
            return bit < limit ? bit : limit;
        }
        bit = (bit / 64 + 1) * 64;
    }
    return limit;
}
