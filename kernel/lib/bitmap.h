// Bitmaps over an array of 64-bit words. The caller's lock guards them.
#pragma once

#include "lib/types.h"

static inline bool bitmap_test(const uint64_t *words, size_t bit)
{
    return words[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *words, size_t bit)
{
    words[bit / 64] |= 1ull << (bit % 64);
}

static inline void bitmap_clear(uint64_t *words, size_t bit)
{
    words[bit / 64] &= ~(1ull << (bit % 64));
}

// The first clear bit at or after `from`; `limit` when there is none.
size_t bitmap_find_clear(const uint64_t *words, size_t from, size_t limit);
size_t bitmap_find_set(const uint64_t *words, size_t from, size_t limit); // likewise
