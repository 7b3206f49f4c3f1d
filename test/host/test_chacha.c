// ChaCha20's block function against the vectors of RFC 8439, and what the generator promises.
#include "lib/chacha.h"
#include "lib/string.h"
#include "test.h"

// RFC 8439, 2.3.2
TEST(chacha_block_rfc8439_section_2_3_2)
{
    static const uint8_t expected[64] = {
        0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
        0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
        0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
        0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
        0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
    };
    static const uint32_t nonce[3] = { 0x09000000, 0x4a000000, 0x00000000 };
    uint8_t key_bytes[32], block[64];
    uint32_t key[8];

    for (int i = 0; i < 32; i++)
        key_bytes[i] = (uint8_t)i;
    memcpy(key, key_bytes, sizeof(key));
    chacha_block(key, 1, nonce, block);
    CHECK(memcmp(block, expected, sizeof(block)) == 0);
}

// RFC 8439, A.1, test vectors 1 and 2: key and nonce zero, counters 0 and 1
TEST(chacha_block_rfc8439_appendix_a)
{
    static const uint8_t counter0[16] = { 0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90,
                                          0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28 };
    static const uint8_t counter1[16] = { 0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a,
                                          0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d };
    static const uint32_t key[8], nonce[3];
    uint8_t block[64];

    chacha_block(key, 0, nonce, block);
    CHECK(memcmp(block, counter0, sizeof(counter0)) == 0);
    chacha_block(key, 1, nonce, block);
    CHECK(memcmp(block, counter1, sizeof(counter1)) == 0);
}

TEST(chacha_generator_erases_its_key)
{
    struct chacha_generator generator = { { 0 }, 0 }, before;
    uint8_t first[200], second[200];

    chacha_seed(&generator, "some seed", 9);
    before = generator;
    chacha_generate(&generator, first, sizeof(first));
    CHECK(memcmp(before.key, generator.key, sizeof(before.key)) != 0);
    chacha_generate(&generator, second, sizeof(second));
    CHECK(memcmp(first, second, sizeof(first)) != 0);
    // The key that is kept is not part of what was handed out.
    for (size_t i = 0; i + 32 <= sizeof(second); i++)
        CHECK(memcmp(second + i, generator.key, 32) != 0);
    // The state decides everything.
    chacha_generate(&before, second, sizeof(second));
    CHECK(memcmp(first, second, sizeof(first)) == 0);
}

TEST(chacha_every_seed_byte_counts)
{
    uint8_t seed[70] = { 0 }, reference[32], other[32];
    struct chacha_generator plain = { { 0 }, 0 };

    chacha_seed(&plain, seed, sizeof(seed));
    chacha_generate(&plain, reference, sizeof(reference));
    for (size_t i = 0; i < sizeof(seed); i++) {
        struct chacha_generator generator = { { 0 }, 0 };
        seed[i] = 1;
        chacha_seed(&generator, seed, sizeof(seed));
        seed[i] = 0;
        chacha_generate(&generator, other, sizeof(other));
        CHECK(memcmp(reference, other, sizeof(other)) != 0);
    }
}

TEST(chacha_generator_lengths)
{
    uint8_t buffer[300];

    for (size_t length = 0; length < 290; length++) {
        struct chacha_generator generator = { { 1, 2, 3 }, length };
        memset(buffer, 0, sizeof(buffer));
        chacha_generate(&generator, buffer, length);
        for (size_t i = length; i < sizeof(buffer); i++)
            CHECK(buffer[i] == 0);
    }
}
