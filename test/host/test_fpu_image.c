// What a signal frame may load into the FPU: every field that would make XRSTOR or FXRSTOR fault in
// the kernel is refused, and nothing of the image that the kernel does not mean gets through. The
// last case asks this machine's own XRSTOR.
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"
#include "cpu/fpu.h"
#include "lib/types.h"
#include "test.h"

#define STATE_SIZE 1088u // x87, SSE, AVX, and a hole as CPUs have them
#define COMPONENTS 7ull
#define HEADER_SIZE 64u
#define MXCSR_OFFSET 24u
#define MXCSR_MASK 0xffffu
#define INITIAL_FCW 0x037fu
#define INITIAL_MXCSR 0x1f80u
#define LEFTOVER 0xa5

static uint8_t *state, *image;

// In the place of fpu.c, whose instructions need ring 0.
uint32_t fpu_state_size(void)
{
    return cpu_features.xsave ? cpu_features.xsave_size : FPU_LEGACY_SIZE;
}

uint32_t fpu_mxcsr_mask(void)
{
    return MXCSR_MASK;
}

void fpu_state_init(void *area)
{
    const uint32_t mxcsr = INITIAL_MXCSR;
    const uint16_t control = INITIAL_FCW;
    memset(area, 0, fpu_state_size());
    memcpy(area, &control, sizeof(control));
    memcpy((uint8_t *)area + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}

static void put(uint32_t offset, const void *value, size_t size)
{
    memcpy(image + offset, value, size);
}

static void put_64(uint32_t offset, uint64_t value)
{
    put(offset, &value, sizeof(value));
}

static void put_32(uint32_t offset, uint32_t value)
{
    put(offset, &value, sizeof(value));
}

static uint64_t state_word(uint32_t offset)
{
    uint64_t value;
    memcpy(&value, state + offset, sizeof(value));
    return value;
}

// An image that is right in every field, every register byte different from the initial one.
static void make_image(bool xsave)
{
    cpu_features.xsave = xsave;
    cpu_features.xsave_mask = COMPONENTS;
    cpu_features.xsave_size = STATE_SIZE;
    fpu_image_init();
    free(state); // of exactly these sizes, for ASan to see a byte too many
    free(image);
    state = malloc(fpu_state_size());
    image = malloc(fpu_image_size());
    memset(state, LEFTOVER, fpu_state_size());
    memset(image, 0x5a, fpu_image_size());
    put_32(MXCSR_OFFSET, INITIAL_MXCSR);
    if (!xsave)
        return;
    struct fpu_image_mark mark = fpu_image_middle()->mark;
    put(FPU_MARK_OFFSET, &mark, sizeof(mark));
    memset(image + FPU_LEGACY_SIZE, 0, HEADER_SIZE);
    put_64(FPU_LEGACY_SIZE, COMPONENTS);
    put_32(STATE_SIZE, FPU_IMAGE_MAGIC2);
}

static bool state_is_untouched(void)
{
    for (uint32_t i = 0; i < fpu_state_size(); i++) {
        if (state[i] != LEFTOVER)
            return false;
    }
    return true;
}

static void check_refused(bool whole)
{
    CHECK(!fpu_image_adopt(state, image, whole));
    CHECK(state_is_untouched());
}

static void check_range(uint32_t from, uint32_t to, uint8_t value)
{
    for (uint32_t i = from; i < to; i++)
        CHECK_EQUAL(state[i], value);
}

TEST(fpu_image_whole_is_taken)
{
    make_image(true);
    CHECK_EQUAL(fpu_image_size(), STATE_SIZE + 4);
    CHECK(fpu_image_is_marked(image));
    CHECK(fpu_image_adopt(state, image, true));
    check_range(0, MXCSR_OFFSET, 0x5a);
    check_range(MXCSR_OFFSET + 4, FPU_MARK_OFFSET, 0x5a);
    check_range(FPU_MARK_OFFSET, FPU_LEGACY_SIZE, 0); // the mark is not state
    CHECK_EQUAL(state_word(FPU_LEGACY_SIZE), COMPONENTS);
    check_range(FPU_LEGACY_SIZE + 8, FPU_LEGACY_SIZE + HEADER_SIZE, 0);
    check_range(FPU_LEGACY_SIZE + HEADER_SIZE, STATE_SIZE, 0x5a);
}

TEST_PROTECTION("sigreturn", fpu_image_mxcsr_is_checked)
{
    for (uint32_t bit = 0; bit < 32; bit++) {
        for (int kind = 0; kind < 3; kind++) { // whole, the first 512 bytes, no XSAVE
            make_image(kind != 2);
            put_32(MXCSR_OFFSET, INITIAL_MXCSR ^ 1u << bit);
            if (MXCSR_MASK & 1u << bit)
                CHECK(fpu_image_adopt(state, image, kind == 0));
            else
                check_refused(kind == 0);
        }
    }
}

TEST_PROTECTION("sigreturn", fpu_image_components_are_checked)
{
    for (uint32_t bit = 0; bit < 64; bit++) {
        make_image(true);
        put_64(FPU_LEGACY_SIZE, 1ull << bit);
        if (COMPONENTS & 1ull << bit)
            CHECK(fpu_image_adopt(state, image, true));
        else
            check_refused(true);
    }
}

// The first eight of these bytes are XCOMP_BV: its top bit would mean the compacted format.
TEST_PROTECTION("sigreturn", fpu_image_header_is_checked)
{
    for (uint32_t bit = 8 * 8; bit < HEADER_SIZE * 8; bit++) {
        make_image(true);
        image[FPU_LEGACY_SIZE + bit / 8] ^= (uint8_t)(1u << bit % 8);
        check_refused(true);
    }
}

// What is not promised by both marks is not looked at, and the components in it start afresh.
static void check_legacy_only(bool whole)
{
    CHECK(fpu_image_adopt(state, image, whole));
    check_range(MXCSR_OFFSET + 4, FPU_MARK_OFFSET, 0x5a);
    check_range(FPU_MARK_OFFSET, FPU_LEGACY_SIZE, 0);
    CHECK_EQUAL(state_word(FPU_LEGACY_SIZE), 3);
    check_range(FPU_LEGACY_SIZE + 8, STATE_SIZE, 0);
}

TEST(fpu_image_half_is_completed)
{
    make_image(true);
    memset(image + FPU_LEGACY_SIZE, 0xff, STATE_SIZE - FPU_LEGACY_SIZE);
    check_legacy_only(false);
    make_image(true);
    memset(image + FPU_MARK_OFFSET, 0, FPU_LEGACY_SIZE - FPU_MARK_OFFSET); // names no component
    check_legacy_only(false);
    for (uint32_t bit = 0; bit < 32; bit++) {
        make_image(true);
        memset(image + FPU_LEGACY_SIZE, 0xff, STATE_SIZE - FPU_LEGACY_SIZE);
        put_32(STATE_SIZE, FPU_IMAGE_MAGIC2 ^ 1u << bit);
        check_legacy_only(true);
    }
}

TEST(fpu_image_half_needs_512_bytes)
{
    make_image(true);
    uint8_t *first = malloc(FPU_LEGACY_SIZE);
    memcpy(first, image, FPU_LEGACY_SIZE);
    CHECK(fpu_image_adopt(state, first, false));
    free(first);
}

TEST(fpu_image_marks_are_compared)
{
    static const uint32_t fields[] = { offsetof(struct fpu_image_mark, magic1),
                                       offsetof(struct fpu_image_mark, extended_size),
                                       offsetof(struct fpu_image_mark, state_size) };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        for (uint32_t bit = 0; bit < 32; bit++) {
            make_image(true);
            image[FPU_MARK_OFFSET + fields[i] + bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(!fpu_image_is_marked(image));
        }
    }
    struct fpu_image_mark mark = fpu_image_middle()->mark;
    make_image(false); // then no mark is one, not even the kernel's own
    put(FPU_MARK_OFFSET, &mark, sizeof(mark));
    CHECK(!fpu_image_is_marked(image));
}

// What goes to XRSTOR without a copy: everything as the kernel wrote it.
TEST(fpu_image_of_the_kernel_is_known)
{
    make_image(true);
    struct fpu_image_mark mark = fpu_image_middle()->mark;
    const size_t compared = offsetof(struct fpu_image_mark, reserved);
    CHECK(fpu_image_is_ours(&mark, INITIAL_MXCSR, FPU_IMAGE_MAGIC2));
    CHECK(fpu_image_is_ours(&mark, MXCSR_MASK, FPU_IMAGE_MAGIC2));
    for (size_t bit = 0; bit < compared * 8; bit++) {
        uint8_t *byte = (uint8_t *)&mark + bit / 8;
        *byte ^= (uint8_t)(1u << bit % 8);
        CHECK(!fpu_image_is_ours(&mark, INITIAL_MXCSR, FPU_IMAGE_MAGIC2));
        *byte ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 32; bit++) {
        uint32_t one = 1u << bit;
        CHECK(!fpu_image_is_ours(&mark, INITIAL_MXCSR, FPU_IMAGE_MAGIC2 ^ one));
        CHECK_EQUAL(fpu_image_is_ours(&mark, one, FPU_IMAGE_MAGIC2), (one & MXCSR_MASK) != 0);
    }
}

// The mark may name fewer components than the header: the others start afresh.
TEST(fpu_image_mark_limits_components)
{
    make_image(true);
    put_64(FPU_MARK_OFFSET + offsetof(struct fpu_image_mark, components), 3);
    CHECK(fpu_image_adopt(state, image, true));
    CHECK_EQUAL(state_word(FPU_LEGACY_SIZE), 3);
    make_image(true);
    put_64(FPU_MARK_OFFSET + offsetof(struct fpu_image_mark, components), UINT64_MAX);
    CHECK(fpu_image_adopt(state, image, true));
    CHECK_EQUAL(state_word(FPU_LEGACY_SIZE), COMPONENTS);
}

TEST(fpu_image_without_xsave)
{
    make_image(false);
    CHECK_EQUAL(fpu_image_size(), FPU_LEGACY_SIZE);
    CHECK_EQUAL(fpu_image_middle()->mark.magic1, 0);
    CHECK(fpu_image_adopt(state, image, false));
    check_range(MXCSR_OFFSET + 4, FPU_MARK_OFFSET, 0x5a);
    check_range(FPU_MARK_OFFSET, FPU_LEGACY_SIZE, 0);
}

static sigjmp_buf restore_faulted;

static void note_fault(int number)
{
    siglongjmp(restore_faulted, number);
}

static bool restores_without_fault(const uint8_t *area, uint8_t *own)
{
    if (sigsetjmp(restore_faulted, 1) != 0)
        return false;
    __asm__ volatile("xsave64 (%0); xrstor64 (%1); xrstor64 (%0)"
                     :
                     : "r"(own), "r"(area), "a"(-1), "d"(-1)
                     : "memory");
    return true;
}

static bool describe_this_machine(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx, low, high;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if (!(ecx & 1u << 27)) // OSXSAVE
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    eax = 0xd, ecx = 0;
    __asm__("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    cpu_features.xsave = true;
    cpu_features.xsave_mask = low & 0xe7; // up to AVX-512, as the kernel switches them
    cpu_features.xsave_size = ebx;
    fpu_image_init();
    return true;
}

TEST(fpu_image_accepted_means_loadable)
{
    if (!describe_this_machine())
        return;
    uint32_t size = cpu_features.xsave_size, accepted = 0;
    uint8_t *area = aligned_alloc(64, align_up(size, 64)),
            *own = aligned_alloc(64, align_up(size, 64));
    image = malloc(fpu_image_size());
    memset(own, 0, size);
    signal(SIGSEGV, note_fault);
    for (int round = 0; round < 20000; round++) {
        struct fpu_image_mark mark = fpu_image_middle()->mark;
        uint32_t magic2 = FPU_IMAGE_MAGIC2;
        fpu_state_init(image);
        put(FPU_MARK_OFFSET, &mark, sizeof(mark));
        put(size, &magic2, sizeof(magic2));
        put_64(FPU_LEGACY_SIZE, random_number() & cpu_features.xsave_mask);
        for (uint64_t changes = random_below(3); changes > 0; changes--) {
            uint32_t reach = random_below(2) ? FPU_LEGACY_SIZE + HEADER_SIZE : 32;
            image[random_below(reach)] ^= (uint8_t)(1u << random_below(8));
        }
        if (!fpu_image_adopt(area, image, fpu_image_is_marked(image)))
            continue;
        accepted++;
        CHECK(restores_without_fault(area, own));
    }
    CHECK(accepted > 5000);
}
