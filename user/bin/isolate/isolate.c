// Shows rows 4 and 12 of kernel/README.md: three processes on one CPU fill every register with
// values of their own and look whether they stay, through preemption and through system calls; then
// one of them execs /bin/raw, which must find nothing of all this. Exit codes of the children are
// sums of the CHECK_ bits that failed; isolate exits with all of them together.
//   isolate [DURATION]
#include "program.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

uint64_t hold_registers(uint64_t pattern, uint64_t rounds);
uint64_t hold_across_calls(uint64_t pattern, uint64_t rounds, uint64_t number);
void hold_vectors(const void *in, void *out, uint64_t rounds);
void hold_wide_vectors(const void *in, void *out, uint64_t rounds, const void *wide_in,
                       void *wide_out);
uint64_t hold_selectors(uint64_t selector, uint64_t rounds);
uint64_t hold_gs_base(uint64_t expected, uint64_t rounds);

enum {
    CHECK_REGISTERS = 1,
    CHECK_CALLS = 2,
    CHECK_VECTORS = 4,
    CHECK_WIDE_VECTORS = 8,
    CHECK_SELECTORS = 16,
    CHECK_GS_BASE = 32,
    CHECK_FRESH = 64,
};

#define ROUNDS 3000000u
#define USER_DATA 0x2bu
#define ARCH_SET_GS 0x1001
#define NEIGHBOURS 3

// The FXSAVE image, as far as it is compared.
struct legacy_state {
    uint16_t control, status;
    uint8_t tags, reserved;
    uint8_t pointers[18];
    uint32_t mxcsr, mxcsr_mask;
    uint8_t x87[8][16];
    uint8_t xmm[16][16];
    uint8_t rest[96];
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct legacy_state) == 512, "FXSAVE image");

static uint64_t duration_ns = 300000000;

static void fill_state(struct legacy_state *state, unsigned seed)
{
    memset(state, 0, sizeof(*state));
    state->control = (uint16_t)(0x37f | (seed & 3) << 10); // rounding differs
    state->tags = 0xff;
    state->mxcsr = 0x1f80 | (seed & 3) << 13;
    for (unsigned i = 0; i < 8; i++) {
        memset(state->x87[i], (int)(0x80 + seed * 8 + i), 8); // a normal number: top bit set
        state->x87[i][9] = 0x3f;
    }
    for (unsigned i = 0; i < 16; i++)
        memset(state->xmm[i], (int)(seed * 16 + i + 1), 16);
}

static bool states_match(const struct legacy_state *a, const struct legacy_state *b)
{
    if (a->control != b->control || a->tags != b->tags || a->mxcsr != b->mxcsr)
        return false;
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(a->x87[i], b->x87[i], 10) != 0)
            return false;
    return memcmp(a->xmm, b->xmm, sizeof(a->xmm)) == 0;
}

static bool vectors_stay(unsigned seed)
{
    struct legacy_state in, out;
    fill_state(&in, seed);
    memset(&out, 0, sizeof(out));
    hold_vectors(&in, &out, ROUNDS);
    return states_match(&in, &out);
}

static bool cpu_has_wide_vectors(void)
{
    if (!cpuid_bit(1, 2, 27) || !cpuid_bit(1, 2, 28))
        return false;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

static bool wide_vectors_stay(unsigned seed)
{
    struct legacy_state in, out;
    uint8_t wide_in[16][32], wide_out[16][32];
    fill_state(&in, seed);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(wide_in[i], in.xmm[i], 16);
        memset(wide_in[i] + 16, (int)(seed * 16 + i + 64), 16);
    }
    memset(wide_out, 0, sizeof(wide_out));
    hold_wide_vectors(&in, &out, ROUNDS, wide_in, wide_out);
    return states_match(&in, &out) && memcmp(wide_in, wide_out, sizeof(wide_in)) == 0;
}

static bool gs_base_stays(unsigned seed)
{
    static uint64_t mine;
    mine = 0x1234567800000000u + seed;
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &mine) != 0)
        return false;
    bool good = hold_gs_base(mine, ROUNDS) == 0;
    return syscall(SYS_arch_prctl, ARCH_SET_GS, 0) == 0 && good;
}

static int live_beside_others(void *argument)
{
    unsigned seed = *(unsigned *)argument;
    uint64_t pattern = 0x1111111111111111u * seed;
    uint64_t deadline = clock_ns() + duration_ns;
    int failed = 0;
    do {
        if (hold_registers(pattern, ROUNDS) != 0)
            failed |= CHECK_REGISTERS;
        if (hold_across_calls(pattern, 500, SYS_sched_yield) != 0 ||
            hold_across_calls(pattern, 2000, SYS_getpid) != 0)
            failed |= CHECK_CALLS;
        if (!vectors_stay(seed))
            failed |= CHECK_VECTORS;
        if (cpu_has_wide_vectors() && !wide_vectors_stay(seed))
            failed |= CHECK_WIDE_VECTORS;
        if (hold_selectors(seed & 1 ? USER_DATA : 0, ROUNDS) != 0)
            failed |= CHECK_SELECTORS;
        if (!gs_base_stays(seed))
            failed |= CHECK_GS_BASE;
    } while (failed == 0 && clock_ns() < deadline);
    return failed;
}

// Leaves every vector register full and becomes a new program.
static int become_fresh(void *unused)
{
    char *argv[] = { "/bin/raw", NULL };
    struct legacy_state in;
    fill_state(&in, 3);
    __asm__ volatile("fxrstor64 %0" : : "m"(in));
    syscall(SYS_execve, argv[0], argv, NULL);
    return 99;
}

int main(int argc, char **argv)
{
    unsigned seeds[NEIGHBOURS];
    pid_t pids[NEIGHBOURS];
    char words[48];
    int failed = 0;
    if (argc > 1)
        duration_ns = duration_argument(argv[1]);
    pin_to_cpu(0);
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        seeds[i] = i + 1;
        pids[i] = child_start(live_beside_others, &seeds[i]);
    }
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        int status = child_wait(pids[i]);
        printf("isolate: neighbour %u %s\n", i, verdict_words(status, words, sizeof(words)));
        failed |= WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    }
    if (access("/bin/raw", X_OK) == 0 && child_run(become_fresh, NULL) != 0)
        failed |= CHECK_FRESH;
    return failed;
}
