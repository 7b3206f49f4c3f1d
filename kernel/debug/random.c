// The kernel's random generators: ChaCha20 with fast key erasure, one for each CPU, seeded by a
// common one and reseeded from hardware now and then. Small requests are served from a pool, since
// blocks are made whole. Called by system calls, exec and thread creation.
#include "debug/random.h"

#include "cpu/features.h"
#include "cpu/interrupts.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "lib/chacha.h"
#include "lib/string.h"

#define SEED_SAMPLES 64u
#define RDRAND_RETRIES 10u
#define CHUNK_SIZE 1024u       // bytes generated with interrupts off at a time
#define RESEED_INTERVAL 65536u // bytes
#define POOL_REQUEST_LIMIT 32u

static struct spinlock lock = SPINLOCK_INIT("random", LOCK_RANK_RANDOM);
static struct chacha_generator seeds; // for the CPUs' generators; the lock guards it
static uint64_t fixed_seed;           // 0: hardware and clock

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
static void reseed(struct chacha_generator *generator, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t samples[2] = { fixed_seed, i };
        if (fixed_seed == 0) {
            samples[0] = sample_hardware();
            samples[1] = read_tsc();
        }
        chacha_seed(generator, samples, sizeof(samples));
    }
}

void random_init(uint64_t seed)
{
    spinlock_acquire(&lock);
    fixed_seed = seed;
    reseed(&seeds, SEED_SAMPLES);
    spinlock_release(&lock);
    this_cpu()->random.is_seeded = false;
}

// Once on each CPU. No two get the same.
never_inlined static void seed_from_common(struct cpu_random *own)
{
    uint32_t key[8];
    spinlock_acquire(&lock);
    chacha_generate(&seeds, key, sizeof(key));
    spinlock_release(&lock);
    chacha_seed(&own->generator, key, sizeof(key));
    memset(key, 0, sizeof(key));
    own->bytes_until_reseed = RESEED_INTERVAL;
    own->pool_left = 0;
    own->is_seeded = true;
}

static void generate(struct cpu_random *own, uint8_t *buffer, size_t length)
{
    if (own->bytes_until_reseed < length) {
        reseed(&own->generator, 1);
        own->bytes_until_reseed = RESEED_INTERVAL;
        own->pool_left = 0; // the old key made it
    }
    own->bytes_until_reseed -= length;
    chacha_generate(&own->generator, buffer, length);
}

// What was handed out is erased at once, so that the past stays unknown here as well.
static void take_from_pool(struct cpu_random *own, uint8_t *buffer, size_t length)
{
    if (own->pool_left < length) {
        generate(own, own->pool, sizeof(own->pool));
        own->pool_left = sizeof(own->pool);
    }
    uint8_t *bytes = own->pool + sizeof(own->pool) - own->pool_left;
    memcpy(buffer, bytes, length);
    memset(bytes, 0, length);
    own->pool_left -= length;
}

static void fill_chunk(uint8_t *buffer, size_t length)
{
    interrupts_off();
    struct cpu_random *own = &this_cpu()->random;
    if (unlikely(!own->is_seeded))
        seed_from_common(own);
    if (length <= POOL_REQUEST_LIMIT)
        take_from_pool(own, buffer, length);
    else
        generate(own, buffer, length);
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
