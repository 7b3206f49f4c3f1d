// One page that the tour and its children see together. Children leave raw values here (what the
// kernel returned, what a register held); the parent judges them.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

// The machine's numbers of the general registers.
enum register_number {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    REGISTER_COUNT
};

struct register_image {
    uint64_t general[REGISTER_COUNT];
    uint64_t vectors[REGISTER_COUNT][2];
    uint64_t gs_word; // the quad at GS:0
};
_Static_assert(offsetof(struct register_image, vectors) == IMAGE_VECTORS, "layout.h");

struct shared_page {
    _Atomic uint64_t release; // the children may go on
    _Atomic uint64_t ready;   // children that have come to where the scene wants them
    int64_t results[8];       // of system calls
    uint64_t words[64];       // memory as it was found, or time stamps
    struct register_image images[2];
};
_Static_assert(sizeof(struct shared_page) <= 4096, "one page");

#define shared ((struct shared_page *)SHARED_PAGE)

// Maps the page. Called once, before any scene.
void shared_create(void);
// Zeroes it, before a scene uses it.
void shared_clear(void);
// What a register holds when RAX holds `first`.
static inline uint64_t pattern_of(uint64_t first, unsigned number)
{
    return first + number * PATTERN_STEP;
}
// Whether every general register of `mask` (bits by number) holds its part of the pattern.
bool pattern_holds(const uint64_t *general, uint64_t first, unsigned mask);
bool pattern_vectors_hold(const struct register_image *image, uint64_t first);
#define PATTERN_ALL ((1u << REGISTER_COUNT) - 1 - (1u << RSP))
