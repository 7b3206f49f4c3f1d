// The inner loops of the screen: images of cells go into the framebuffer by MOVSQ, the shortest way
// to move 64 bits without vector registers; stores only. Used by canvas.c.
#pragma once

#include "dev/font.h"
#include "lib/types.h"

#define CELL_COPY_INLINE static inline __attribute__((always_inline))

#define CELL_COPY_WORDS ".rept %c[words]\n\tmovsq\n\t.endr\n\t"
#define CELL_COPY_SWAP "xchg %%rsi, %[right]\n\t"
#define CELL_COPY_ONE CELL_COPY_WORDS "add %[rest], %%rdi\n\t"
#define CELL_COPY_TWO                                                                              \
    CELL_COPY_WORDS CELL_COPY_SWAP CELL_COPY_WORDS CELL_COPY_SWAP "add %[rest], %%rdi\n\t"

// Lines of the image by twos, each shown once or, at double size, twice. `words` and `scale` are
// constants.
CELL_COPY_INLINE void cell_copy_one(const uint32_t words, const uint32_t scale,
                                    volatile uint8_t *place, size_t line_bytes,
                                    const uint64_t *image, uint32_t line_pairs)
{
    uint32_t rounds = line_pairs * scale; // of two lines on the screen

    __asm__ volatile("1:\n\t" CELL_COPY_ONE ".if %c[again]\n\t"
                     "sub $%c[again], %%rsi\n\t"
                     ".endif\n\t" CELL_COPY_ONE "dec %[rounds]\n\t"
                     "jnz 1b"
                     : "+D"(place), "+S"(image), [rounds] "+r"(rounds)
                     : [words] "i"(words), [again] "i"(scale == 2 ? words * 8 : 0),
                       [rest] "r"(line_bytes - words * 8)
                     : "memory", "cc");
}

// Two neighbours, line by line: at even columns their stores fill the 64-byte lines of the
// write-combining buffers.
CELL_COPY_INLINE void cell_copy_two(const uint32_t words, const uint32_t scale,
                                    volatile uint8_t *place, size_t line_bytes,
                                    const uint64_t *left, const uint64_t *right,
                                    uint32_t line_pairs)
{
    uint32_t rounds = line_pairs * scale; // of two lines on the screen

    __asm__ volatile("1:\n\t" CELL_COPY_TWO ".if %c[again]\n\t"
                     "sub $%c[again], %%rsi\n\t"
                     "sub $%c[again], %[right]\n\t"
                     ".endif\n\t" CELL_COPY_TWO "dec %[rounds]\n\t"
                     "jnz 1b"
                     : "+D"(place), "+S"(left), [right] "+r"(right), [rounds] "+r"(rounds)
                     : [words] "i"(words), [again] "i"(scale == 2 ? words * 8 : 0),
                       [rest] "r"(line_bytes - 2 * words * 8)
                     : "memory", "cc");
}
