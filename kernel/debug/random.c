// The kernel's random generators: ChaCha20 with fast key erasure, one for each CPU, so that nobody
// waits; reseeded from hardware now and then. Called by system calls, exec and thread creation.
// Invariant: a generator is used by its own CPU only, with interrupts off.
#include "debug/random.h"

#include "cpu/features.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "lib/string.h"

#define SEED_SAMPLES 64u
#define RDRAND_RETRIES 10u
#define CHUNK_SIZE 1024u       // bytes generated with interrupts off at a time
#define RESEED_INTERVAL 65536u // bytes
#define POOL_REQUEST_LIMIT 32u
#define SEED_SIZE 32u // a key

static uint64_t fixed_seed; // 0: hardware and clock

// RDRAND may fail for a moment: 10 tries are enough on working hardware (SDM vol. 1, 7.3.17.1).
static uint64_t sample_hardware(void)
{
    for (uint32_t i = 0; cpu_features.rdrand && i < RDRAND_RETRIES; i++) {
        uint64_t value;
        bool valid;
        __asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
        if (valid)
            return value;
    }
    return 0;
}

// Mixes hardware and clock samples into the key; a bad source cannot take anything away.
static void reseed(struct random_source *source, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t samples[2] = { fixed_seed, i };
        if (fixed_seed == 0) {
            samples[0] = sample_hardware();
            samples[1] = read_tsc();
        }
        chacha_seed(&source->generator, samples, sizeof(samples));
    }
    source->bytes_until_reseed = RESEED_INTERVAL;
    source->pool_left = 0; // the old key made it
}

void random_init(uint64_t seed)
{
    interrupts_off();
    fixed_seed = seed;
    reseed(&this_cpu()->random, SEED_SAMPLES);
    interrupts_restore();
}

// The first bytes come after another look at the hardware, if that is where they come from.
void random_init_cpu(struct percpu *cpu)
{
    uint8_t seed[SEED_SIZE];
    random_fill(seed, sizeof(seed));
    chacha_seed(&cpu->random.generator, seed, sizeof(seed));
    memset(seed, 0, sizeof(seed));
}

static void generate(struct random_source *source, uint8_t *buffer, size_t length)
{
    if (source->bytes_until_reseed < length)
        reseed(source, 1);
    source->bytes_until_reseed -= length;
    chacha_generate(&source->generator, buffer, length);
}

// What was handed out is erased at once, so that the past stays unknown here as well.
static void take_from_pool(struct random_source *source, uint8_t *buffer, size_t length)
{
    if (source->pool_left < length) {
        generate(source, source->pool, RANDOM_POOL_SIZE);
        source->pool_left = RANDOM_POOL_SIZE;
    }
    uint8_t *bytes = source->pool + RANDOM_POOL_SIZE - source->pool_left;
    memcpy(buffer, bytes, length);
    memset(bytes, 0, length);
    source->pool_left -= length;
}

static void fill_chunk(uint8_t *buffer, size_t length)
{
    interrupts_off();
    struct random_source *source = &this_cpu()->random;
    if (length <= POOL_REQUEST_LIMIT)
        take_from_pool(source, buffer, length);
    else
        generate(source, buffer, length);
    interrupts_restore();
}

void random_fill(void *buffer, size_t length)
{
    uint8_t *bytes = buffer;
    while (length > 0) {
        size_t chunk = min_of(length, (size_t)CHUNK_SIZE);
        fill_chunk(bytes, chunk);
        bytes += chunk;
        length -= chunk;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_fill(&value, sizeof(value));
    return value;
}
