// Memory and string functions. Bulk goes by `rep movsq` / `rep stosq`; what is left over is one
// unaligned word that overlaps the bulk, so that no byte loop runs. The direction flag is clear
// on entry everywhere in the kernel (entry code clears it) and is clear again on return.
#include "lib/string.h"

struct packed_struct unaligned16 {
    uint16_t value;
};
struct packed_struct unaligned32 {
    uint32_t value;
};
struct packed_struct unaligned64 {
    uint64_t value;
};

#define LOAD(bits, pointer) (((const struct unaligned##bits *)(pointer))->value)
#define STORE(bits, pointer, word) (((struct unaligned##bits *)(pointer))->value = (word))

// Fewer than eight bytes. All loads come before the first store, so overlap does no harm.
static inline void copy_short(char *destination, const char *source, size_t length)
{
    if (length >= 4) {
        uint32_t first = LOAD(32, source), last = LOAD(32, source + length - 4);
        STORE(32, destination, first);
        STORE(32, destination + length - 4, last);
    } else if (length >= 2) {
        uint16_t first = LOAD(16, source), last = LOAD(16, source + length - 2);
        STORE(16, destination, first);
        STORE(16, destination + length - 2, last);
    } else if (length == 1) {
        *destination = *source;
    }
}

// Right also for overlapping buffers when the destination is the lower one: a word is read before
// any byte of it is overwritten, and the last word is read before everything.
static inline void copy_up(char *destination, const char *source, size_t length)
{
    uint64_t last = LOAD(64, source + length - 8);
    char *end = destination + length;
    size_t words = length / 8;

    __asm__ volatile("rep movsq" : "+D"(destination), "+S"(source), "+c"(words) : : "memory");
    STORE(64, end - 8, last);
}

// For overlapping buffers when the destination is the higher one.
static inline void copy_down(char *destination, const char *source, size_t length)
{
    uint64_t first = LOAD(64, source);
    char *destination_word = destination + length - 8;
    const char *source_word = source + length - 8;
    size_t words = length / 8;

    __asm__ volatile("std; rep movsq; cld"
                     : "+D"(destination_word), "+S"(source_word), "+c"(words)
                     :
                     : "memory");
    STORE(64, destination, first);
}

void *memcpy(void *destination, const void *source, size_t length)
{
    if (length < 8)
        copy_short(destination, source, length);
    else
        copy_up(destination, source, length);
    return destination;
}

void *memmove(void *destination, const void *source, size_t length)
{
    // The difference is taken modulo 2^64, so a destination below the source is never "inside".
    bool inside = (uintptr_t)destination - (uintptr_t)source < length;

    if (length < 8)
        copy_short(destination, source, length);
    else if (inside)
        copy_down(destination, source, length);
    else
        copy_up(destination, source, length);
    return destination;
}

void *memset(void *destination, int byte, size_t length)
{
    uint64_t pattern = 0x0101010101010101ull * (uint8_t)byte;
    char *position = destination;
    size_t words = length / 8;

    if (length >= 8) {
        STORE(64, position + length - 8, pattern);
        __asm__ volatile("rep stosq" : "+D"(position), "+c"(words) : "a"(pattern) : "memory");
    } else if (length >= 4) {
        STORE(32, position, (uint32_t)pattern);
        STORE(32, position + length - 4, (uint32_t)pattern);
    } else if (length >= 2) {
        STORE(16, position, (uint16_t)pattern);
        STORE(16, position + length - 2, (uint16_t)pattern);
    } else if (length == 1) {
        *position = (char)byte;
    }
    return destination;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const uint8_t *left = a, *right = b;

    while (length >= 8 && LOAD(64, left) == LOAD(64, right)) {
        left += 8;
        right += 8;
        length -= 8;
    }
    for (; length > 0; left++, right++, length--) {
        if (*left != *right)
            return *left - *right;
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

size_t strnlen(const char *text, size_t limit)
{
    size_t length = 0;

    while (length < limit && text[length] != '\0')
        length++;
    return length;
}

int strcmp(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
    for (; limit > 0; a++, b++, limit--) {
        if (*a != *b || *a == '\0')
            return (uint8_t)*a - (uint8_t)*b;
    }
    return 0;
}

const char *strchr(const char *text, char wanted)
{
    for (;; text++) {
        if (*text == wanted)
            return text;
        if (*text == '\0')
            return NULL;
    }
}

bool string_copy(char *destination, const char *source, size_t size)
{
    size_t length = strnlen(source, size);

    if (size == 0)
        return false;
    if (length < size) {
        memcpy(destination, source, length + 1);
        return true;
    }
    memcpy(destination, source, size - 1);
    destination[size - 1] = '\0';
    return false;
}
