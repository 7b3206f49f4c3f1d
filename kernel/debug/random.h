// Random bytes for getrandom, AT_RANDOM and canaries: a ChaCha20 generator seeded from RDRAND where
// present and from TSC jitter always. Lock inside (LOCK_RANK_RANDOM). Any context but NMI.
#pragma once

#include "lib/types.h"

void random_init(void);
void random_fill(void *buffer, size_t length);
uint64_t random_u64(void);
