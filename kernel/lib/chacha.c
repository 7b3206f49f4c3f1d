// ChaCha20 (RFC 8439) and a generator that erases its key as it goes: whoever reads the kernel's
// memory now cannot compute what was handed out before. Used by debug/random.c.
#include "lib/chacha.h"

#include "lib/string.h"

// "expand 32-byte k", RFC 8439, 2.3
static const uint32_t constants[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

static inline uint32_t rotate_left(uint32_t value, unsigned count)
{
    return value << count | value >> (32 - count);
}

// RFC 8439, 2.1
static inline void quarter_round(uint32_t *state, int a, int b, int c, int d)
{
    state[a] += state[b];
    state[d] = rotate_left(state[d] ^ state[a], 16);
    state[c] += state[d];
    state[b] = rotate_left(state[b] ^ state[c], 12);
    state[a] += state[b];
    state[d] = rotate_left(state[d] ^ state[a], 8);
    state[c] += state[d];
    state[b] = rotate_left(state[b] ^ state[c], 7);
}

// The barrier keeps the compiler from dropping the write to memory that is not read again.
static void wipe_bytes(void *memory, size_t length)
{
    memset(memory, 0, length);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

void chacha_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3],
                  uint8_t output[64])
{
    uint32_t initial[16], state[16];

    memcpy(initial, constants, sizeof(constants));
    memcpy(initial + 4, key, 32);
    initial[12] = counter;
    memcpy(initial + 13, nonce, 12);
    memcpy(state, initial, sizeof(state));
    for (int round = 0; round < 20; round += 2) {
        quarter_round(state, 0, 4, 8, 12);
        quarter_round(state, 1, 5, 9, 13);
        quarter_round(state, 2, 6, 10, 14);
        quarter_round(state, 3, 7, 11, 15);
        quarter_round(state, 0, 5, 10, 15);
        quarter_round(state, 1, 6, 11, 12);
        quarter_round(state, 2, 7, 8, 13);
        quarter_round(state, 3, 4, 9, 14);
    }
    for (int word = 0; word < 16; word++)
        state[word] += initial[word];
    memcpy(output, state, sizeof(state));
    wipe_bytes(initial, sizeof(initial));
    wipe_bytes(state, sizeof(state));
}

// One block of the generator's stream; no key and nonce are used together twice, since every
// request ends with another key.
static void generate_block(const struct chacha_generator *generator, uint32_t counter,
                           uint8_t output[64])
{
    uint32_t nonce[3] = { 0, (uint32_t)generator->nonce, (uint32_t)(generator->nonce >> 32) };

    chacha_block(generator->key, counter, nonce, output);
}

void chacha_seed(struct chacha_generator *generator, const void *seed, size_t length)
{
    const uint8_t *bytes = seed;
    uint8_t key[32], block[64];

    do {
        size_t part = min_of(length, sizeof(key));
        memcpy(key, generator->key, sizeof(key));
        for (size_t i = 0; i < part; i++)
            key[i] ^= bytes[i];
        memcpy(generator->key, key, sizeof(key));
        generate_block(generator, 0, block);
        memcpy(generator->key, block, sizeof(generator->key));
        generator->nonce++;
        bytes += part;
        length -= part;
    } while (length > 0);
    wipe_bytes(key, sizeof(key));
    wipe_bytes(block, sizeof(block));
}

void chacha_generate(struct chacha_generator *generator, void *buffer, size_t length)
{
    uint8_t block[64], next_key[32];
    uint8_t *output = buffer;
    size_t used = sizeof(next_key);
    uint32_t counter = 0;

    generate_block(generator, counter++, block);
    memcpy(next_key, block, sizeof(next_key));
    while (length > 0) {
        if (used == sizeof(block)) {
            generate_block(generator, counter++, block);
            used = 0;
        }
        size_t part = min_of(length, sizeof(block) - used);
        memcpy(output, block + used, part);
        used += part;
        output += part;
        length -= part;
    }
    memcpy(generator->key, next_key, sizeof(next_key));
    generator->nonce++;
    wipe_bytes(block, sizeof(block));
    wipe_bytes(next_key, sizeof(next_key));
}
