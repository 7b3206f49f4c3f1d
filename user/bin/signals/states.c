// The FPU state in a frame: which parts of it count, and what comes instead of those that do not.
#include "check.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define PAGE 4096ul
#define LEGACY_SIZE 512u
#define CONTROL 24u // MXCSR
#define MARK 464u   // of it: magic, size with the closing magic, components, their size
#define MAGIC1 0x46505853u
#define MAGIC2 0x46505845u
#define COMPONENTS (LEGACY_SIZE + 0u) // XSAVE's header begins with those that are there
#define RESERVED (LEGACY_SIZE + 16u)
#define HIGH_HALVES (LEGACY_SIZE + 64u) // of YMM registers
#define XMM(number) (160u + 16u * (number))
#define YMM_HIGH(number) (HIGH_HALVES + 16u * (number))

static uint64_t low, high; // of XMM7 and YMM5, when a handler has returned
static uint64_t low_in_fault, rax_in_fault;
static uint32_t rounding;
static char *places; // two pages, the second cannot be read

// Raises SIGUSR1 with something in the registers, and looks what is there afterwards.
static void raise_with_state(void)
{
    uint64_t result[4] = { 0 }, rax = SYS_kill;
    uint32_t mxcsr = 0x3f80, normal = 0x1f80;
    pid_t pid = getpid();
    __asm__ volatile("ldmxcsr %2; pcmpeqd %%xmm7, %%xmm7; syscall; movq %%xmm7, %1; stmxcsr %2"
                     : "+a"(rax), "=m"(low), "+m"(mxcsr)
                     : "D"(pid), "S"(SIGUSR1)
                     : "rcx", "r11", "xmm7", "memory");
    if (has_avx())
        __asm__ volatile("vmovdqu %%ymm5, %0; vzeroall" : "=m"(result) : : "memory");
    high = result[2];
    rounding = mxcsr;
    __asm__ volatile("ldmxcsr %0" : : "m"(normal));
}

static char *image_of(void *context)
{
    return (char *)((ucontext_t *)context)->uc_mcontext.fpregs;
}

static uint64_t word_at(const char *image, size_t offset)
{
    uint64_t word;
    memcpy(&word, image + offset, sizeof(word));
    return word;
}

static void put_word(char *image, size_t offset, uint64_t word)
{
    memcpy(image + offset, &word, sizeof(word));
}

static void put_half(char *image, size_t offset, uint32_t word)
{
    memcpy(image + offset, &word, sizeof(word));
}

// What the frame says, and what must not come from the handler.
static void fill(char *image)
{
    __asm__ volatile("pcmpeqd %%xmm7, %%xmm7; pslld $4, %%xmm7" : : : "xmm7");
    put_word(image, XMM(7), 0x7777);
    if (!has_avx())
        return;
    put_word(image, YMM_HIGH(5), 0x5555);
    put_word(image, COMPONENTS, word_at(image, COMPONENTS) | 7);
}

static void keep_all(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
}

static void drop_state(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    ((ucontext_t *)context)->uc_mcontext.fpregs = NULL;
}

static void drop_mark(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    put_half(image_of(context), MARK, 0);
}

static void drop_closing_magic(int signal, siginfo_t *info, void *context)
{
    char *image = image_of(context);
    fill(image);
    if (has_xsave())
        put_half(image, (uint32_t)(word_at(image, MARK + 16) & UINT32_MAX), 0);
}

// Nothing of it behind the legacy part can be read.
static void move_legacy_part(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    put_half(image_of(context), MARK, 0);
    memcpy(places + PAGE - LEGACY_SIZE, image_of(context), LEGACY_SIZE);
    ((ucontext_t *)context)->uc_mcontext.fpregs = (void *)(places + PAGE - LEGACY_SIZE);
}

static void name_three_components(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    put_word(image_of(context), MARK + 8, 7);
}

static bool states_come_back_whole(void)
{
    handle_on(SIGUSR1, keep_all, 0);
    raise_with_state();
    EXPECT(low == 0x7777 && rounding == 0x3f80 && (!has_avx() || high == 0x5555));
    if (!has_avx())
        return true;
    handle_on(SIGUSR1, name_three_components, 0);
    raise_with_state();
    EXPECT(low == 0x7777 && rounding == 0x3f80 && high == 0x5555);
    return true;
}

static bool no_state_is_the_initial_one(void)
{
    handle_on(SIGUSR1, drop_state, 0);
    raise_with_state();
    EXPECT(low == 0 && high == 0 && rounding == 0x1f80);
    return true;
}

static bool without_marks_only_the_legacy_part_counts(void)
{
    void (*const handlers[])(int, siginfo_t *, void *) = { drop_mark, drop_closing_magic,
                                                           move_legacy_part };
    places = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(places != MAP_FAILED && mprotect(places + PAGE, PAGE, PROT_NONE) == 0);
    for (size_t i = 0; i < COUNT_OF(handlers); i++) {
        handle_on(SIGUSR1, handlers[i], 0);
        raise_with_state();
        EXPECT(low == 0x7777 && rounding == 0x3f80 && high == 0);
    }
    return true;
}

static void refuse_header(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    put_word(image_of(context), RESERVED, 1);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 77;
}

static void refuse_control_word(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    put_half(image_of(context), CONTROL, 0x80000000);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 77;
}

static void note_state(int signal, siginfo_t *info, void *context)
{
    ucontext_t *frame = context;
    record(signal, info, context);
    low_in_fault = word_at(image_of(context), XMM(7));
    rax_in_fault = (uint64_t)frame->uc_mcontext.gregs[REG_RAX];
}

// Who is refused has the initial state, nothing of the handler's.
static bool refused_states_leave_nothing(void)
{
    handle_on(SIGSEGV, note_state, 0);
    for (int i = has_xsave() ? 0 : 1; i < 2; i++) {
        handle_on(SIGUSR1, i == 0 ? refuse_header : refuse_control_word, 0);
        seen_count = 0;
        raise_with_state();
        EXPECT(seen_count == 1 && seen_signal == SIGSEGV);
        EXPECT(low_in_fault == 0 && rax_in_fault == 0 && low == 0);
    }
    return true;
}

static char *wanted_image;

static void leave_image(int signal, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.fpregs = (void *)wanted_image;
}

// Once the whole image lies where the legacy part of the next one is missing.
static bool unreadable_states_are_refused(void)
{
    places = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(places != MAP_FAILED && mprotect(places, PAGE, PROT_NONE) == 0);
    EXPECT(mprotect(places + 3 * PAGE, PAGE, PROT_NONE) == 0);
    char *const images[] = { places, places + PAGE - LEGACY_SIZE, places + 3 * PAGE - 64,
                             (char *)0x7ffffffff000, (char *)0xffff800000001000 };
    handle_on(SIGUSR1, leave_image, 0);
    handle_on(SIGSEGV, record, 0);
    for (size_t i = 0; i < COUNT_OF(images); i++) {
        wanted_image = images[i];
        seen_count = 0;
        raise_with_state();
        EXPECT(seen_count == 1 && seen_info.si_code == SI_KERNEL);
    }
    return true;
}

static void move_by_a_word(int signal, siginfo_t *info, void *context)
{
    fill(image_of(context));
    uint32_t size = (uint32_t)word_at(image_of(context), MARK + 4);
    memcpy(places + sizeof(uint64_t), image_of(context), size);
    ((ucontext_t *)context)->uc_mcontext.fpregs = (void *)(places + sizeof(uint64_t));
}

// Right in everything but its place, which has to be a multiple of 64.
static bool states_between_lines_are_refused(void)
{
    if (!has_xsave())
        return true;
    places = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(places != MAP_FAILED);
    handle_on(SIGUSR1, move_by_a_word, 0);
    handle_on(SIGSEGV, note_state, 0);
    seen_count = 0;
    raise_with_state();
    EXPECT(seen_count == 1 && seen_info.si_code == SI_KERNEL);
    EXPECT(low_in_fault == 0 && low == 0);
    return true;
}

// What a CPU with XSAVE would be given, on one that may not have it.
static void pretend_xsave(int signal, siginfo_t *info, void *context)
{
    char *image = image_of(context);
    fill(image);
    if (has_xsave())
        return;
    memset(image + MARK, 0, LEGACY_SIZE - MARK);
    put_half(image, MARK, MAGIC1);
    put_half(image, LEGACY_SIZE, MAGIC2);
}

static bool marks_without_xsave_say_nothing(void)
{
    handle_on(SIGUSR1, pretend_xsave, 0);
    raise_with_state();
    EXPECT(low == 0x7777);
    return true;
}

const struct test state_tests[] = {
    { "states_come_back_whole", states_come_back_whole },
    { "no_state_is_the_initial_one", no_state_is_the_initial_one },
    { "without_marks_only_the_legacy_part_counts", without_marks_only_the_legacy_part_counts },
    { "refused_states_leave_nothing", refused_states_leave_nothing },
    { "unreadable_states_are_refused", unreadable_states_are_refused },
    { "states_between_lines_are_refused", states_between_lines_are_refused },
    { "marks_without_xsave_say_nothing", marks_without_xsave_say_nothing },
};
const size_t state_test_count = COUNT_OF(state_tests);
