// Copying and filling without a C library, by words as far as they go. String instructions, so that
// the compiler cannot turn a loop in here back into a call of the function around it.
#include "memory.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *cursor = to;
    size_t words = size / 8;
    __asm__ volatile("rep movsq\n\tmov %3, %2\n\trep movsb"
                     : "+&D"(cursor), "+&S"(from), "+&c"(words)
                     : "r"(size % 8)
                     : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);
    // The target overlaps the source's end: from the last byte down.
    uint8_t *to_last = (uint8_t *)to + size - 1;
    const uint8_t *from_last = (const uint8_t *)from + size - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld"
                     : "+&D"(to_last), "+&S"(from_last), "+&c"(size)
                     :
                     : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *cursor = to;
    size_t words = size / 8;
    __asm__ volatile("rep stosq\n\tmov %2, %1\n\trep stosb"
                     : "+&D"(cursor), "+&c"(words)
                     : "r"(size % 8), "a"(0x0101010101010101ull * (uint8_t)byte)
                     : "memory");
    return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const uint8_t *a = left, *b = right;
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i])
            return a[i] - b[i];
    }
    return 0;
}
