// Random bytes for getrandom, AT_RANDOM and canaries: a ChaCha20 generator seeded from RDRAND where
// present and from TSC jitter always. Lock inside (LOCK_RANK_RANDOM). Any context but NMI.
#pragma once

#include "lib/types.h"

// `seed` is 0, or all that randomness comes from: every boot draws the same, nothing is secret.
void random_init(uint64_t seed);
void random_fill(void *buffer, size_t length);
uint64_t random_u64(void);
