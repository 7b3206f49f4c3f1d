// Random bytes for getrandom, AT_RANDOM and canaries: a ChaCha20 generator seeded from RDRAND where
// present and from TSC jitter always. One for each CPU: no lock. Any context
// but NMI.
#pragma once

#include "cpu/percpu.h"

// `seed` is 0, or all that randomness comes from: every boot draws the same, nothing is secret.
void random_init(uint64_t seed);
// Before the first instruction of another CPU; its key is drawn from this CPU's generator.
void random_init_cpu(struct percpu *cpu);
void random_fill(void *buffer, size_t length);
uint64_t random_u64(void);
