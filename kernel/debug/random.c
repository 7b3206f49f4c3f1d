// The kernel's random generator: ChaCha20 with fast key erasure, one for all CPUs, reseeded from
// hardware now and then. Called by system calls, exec and thread creation. The lock guards it.
#include "debug/random.h"

#include "cpu/features.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "lib/chacha.h"
#include "lib/string.h"

#define SEED_SAMPLES 64u
#define RDRAND_RETRIES 10u
#define CHUNK_SIZE 1024u       // bytes generated with interrupts off at a time
#define RESEED_INTERVAL 65536u // bytes
#define POOL_SIZE 224u         // four blocks less the next key
#define POOL_REQUEST_LIMIT 32u

static struct spinlock lock = SPINLOCK_INIT("random", LOCK_RANK_RANDOM);
static struct chacha_generator generator;
static uint64_t bytes_until_reseed;
static uint64_t fixed_seed; // 0: hardware and clock
// Generated ahead for small requests, since the generator makes whole blocks; `pool_left` bytes at
// the end are not handed out yet, the others are erased.
static uint8_t pool[POOL_SIZE];
static size_t pool_left;

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

// Mixes hardware and clock samples into the key; a bad source cannot take anything away. Lock held.
static void reseed(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t samples[2] = { fixed_seed, i };
        if (fixed_seed == 0) {
            samples[0] = sample_hardware();
            samples[1] = read_tsc();
        }
        chacha_seed(&generator, samples, sizeof(samples));
    }
    bytes_until_reseed = RESEED_INTERVAL;
    pool_left = 0; // the old key made it
}

void random_init(uint64_t seed)
{
    spinlock_acquire(&lock);
    fixed_seed = seed;
    reseed(SEED_SAMPLES);
    spinlock_release(&lock);
}

// The lock is held.
static void generate(uint8_t *buffer, size_t length)
{
    if (bytes_until_reseed < length)
        reseed(1);
    bytes_until_reseed -= length;
    chacha_generate(&generator, buffer, length);
}

// What was handed out is erased at once, so that the past stays unknown here as well. The lock is
// held.
static void take_from_pool(uint8_t *buffer, size_t length)
{
    if (pool_left < length) {
        generate(pool, sizeof(pool));
        pool_left = sizeof(pool);
    }
    uint8_t *bytes = pool + sizeof(pool) - pool_left;
    memcpy(buffer, bytes, length);
    memset(bytes, 0, length);
    pool_left -= length;
}

static void fill_chunk(uint8_t *buffer, size_t length)
{
    spinlock_acquire(&lock);
    if (length <= POOL_REQUEST_LIMIT)
        take_from_pool(buffer, length);
    else
        generate(buffer, length);
    spinlock_release(&lock);
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
