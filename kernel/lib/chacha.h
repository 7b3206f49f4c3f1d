// ChaCha20 block function (RFC 8439, 2.3) and a fast-key-erasure generator on top of it, for
// getrandom and AT_RANDOM. The caller's lock guards a generator.
#pragma once

#include "lib/types.h"

struct chacha_generator {
    uint32_t key[8];
    uint64_t nonce;
};

void chacha_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                  uint8_t output[64]);
// Mixes `length` bytes of seed into the key.
void chacha_seed(struct chacha_generator *generator, const void *seed, size_t length);
// Fills the buffer and replaces the key, so that earlier output cannot be computed from it.
void chacha_generate(struct chacha_generator *generator, void *buffer, size_t length);
