// Alternate stacks: who runs on one, how far it reaches, and frames that do not fit.
#include "check.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#define PAGE 4096ul
#define FRAME_SIZE 440u
#define INFO_OFFSET 312u

static stack_t stack_in_frame;

static void note_context(int signal, siginfo_t *info, void *argument)
{
    const ucontext_t *context = argument;
    stack_in_frame = context->uc_stack;
    seen_count++;
}

// The frame names the stack that is registered; who returns gets that one again.
static bool frames_carry_the_alternate_stack(void)
{
    static char memory[4 * PAGE];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) }, now;
    const stack_t none = { .ss_sp = memory, .ss_flags = SS_DISABLE };
    handle_on(SIGUSR1, note_context, 0);
    raise(SIGUSR1);
    EXPECT(stack_in_frame.ss_size == 0 && stack_in_frame.ss_flags == 0); // nobody has said anything
    EXPECT(sigaltstack(&none, NULL) == 0);
    raise(SIGUSR1);
    EXPECT(stack_in_frame.ss_size == 0 && stack_in_frame.ss_flags == SS_DISABLE);
    EXPECT(stack_in_frame.ss_sp == NULL);
    EXPECT(sigaltstack(&stack, NULL) == 0);
    raise(SIGUSR1);
    EXPECT(stack_in_frame.ss_sp == memory && stack_in_frame.ss_flags == 0);
    EXPECT(stack_in_frame.ss_size == sizeof(memory));
    EXPECT(sigaltstack(NULL, &now) == 0 && now.ss_sp == memory && now.ss_flags == 0);
    return true;
}

// sigaltstack(2) called with another stack pointer: its result, errno as a negative number.
static long ask_on_stack(const void *stack_pointer, const stack_t *wanted, stack_t *old)
{
    long result = SYS_sigaltstack;
    uint64_t kept = (uint64_t)stack_pointer;
    __asm__ volatile("xchgq %1, %%rsp; syscall; xchgq %1, %%rsp"
                     : "+a"(result), "+r"(kept)
                     : "D"(wanted), "S"(old)
                     : "rcx", "r11", "memory");
    return result;
}

#define AUTODISARM ((int)(1u << 31))

static bool alternate_stacks_have_exact_ends(void)
{
    static char memory[PAGE];
    stack_t stack = { .ss_sp = memory, .ss_size = 2048 }, old, other = stack;
    EXPECT(sigaltstack(&stack, NULL) == 0);
    EXPECT(ask_on_stack(memory, NULL, &old) == 0 && old.ss_flags == 0);
    EXPECT(ask_on_stack(memory + 1, NULL, &old) == 0 && old.ss_flags == SS_ONSTACK);
    EXPECT(ask_on_stack(memory + 2048, NULL, &old) == 0 && old.ss_flags == SS_ONSTACK);
    EXPECT(ask_on_stack(memory + 2049, NULL, &old) == 0 && old.ss_flags == 0);
    EXPECT(ask_on_stack(memory + 2048, &other, NULL) == -EPERM);
    EXPECT(ask_on_stack(memory + 2049, &other, NULL) == 0);
    stack.ss_flags = AUTODISARM; // who is on it is not held up
    EXPECT(sigaltstack(&stack, NULL) == 0);
    EXPECT(ask_on_stack(memory + 1000, NULL, &old) == 0 && old.ss_flags == AUTODISARM);
    EXPECT(ask_on_stack(memory + 1000, &other, &old) == 0 && old.ss_sp == memory);
    return true;
}

static bool alternate_stacks_have_modes(void)
{
    static char memory[PAGE];
    stack_t old;
    for (int mode = 0; mode < 8; mode++) {
        bool known = mode <= SS_DISABLE; // 0, SS_ONSTACK, SS_DISABLE
        long result = syscall(SYS_sigaltstack, &(stack_t){ memory, mode, 2048 }, NULL);
        EXPECT(known ? result == 0 : result == -1 && errno == EINVAL);
        EXPECT(sigaltstack(NULL, &old) == 0);
        if (mode == SS_DISABLE)
            EXPECT(old.ss_flags == SS_DISABLE && old.ss_sp == NULL && old.ss_size == 0);
        else if (known)
            EXPECT(old.ss_flags == 0 && old.ss_sp == memory && old.ss_size == 2048);
    }
    return true;
}

static char *local_addresses[3];

static void note_place(int signal, siginfo_t *info, void *argument)
{
    char local;
    if (seen_count < 3)
        local_addresses[seen_count] = &local;
    if (seen_count++ == 0)
        raise(SIGUSR1);
}

// Who asks for none gets none; who is on one already goes on there.
static bool alternate_stacks_are_for_who_asks(void)
{
    static char memory[8 * PAGE];
    char local;
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    handle_on(SIGUSR1, note_place, SA_ONSTACK | SA_NODEFER);
    raise(SIGUSR1);
    EXPECT(seen_count == 2 && local_addresses[0] < &local &&
           local_addresses[0] > &local - 64 * PAGE);
    EXPECT(sigaltstack(&stack, NULL) == 0);
    seen_count = 0;
    raise(SIGUSR1);
    EXPECT(local_addresses[0] > memory && local_addresses[0] <= memory + sizeof(memory));
    EXPECT(local_addresses[1] > memory && local_addresses[1] < local_addresses[0] - FRAME_SIZE);
    seen_count = 1;
    handle_on(SIGUSR1, note_place, 0);
    raise(SIGUSR1);
    EXPECT(local_addresses[1] < &local && local_addresses[1] > &local - 64 * PAGE);
    return true;
}

static char *map_pages(size_t count)
{
    char *pages =
        mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        fail("mmap");
    return pages;
}

static int raise_on_stack(void *argument)
{
    if (sigaltstack(argument, NULL) != 0)
        return 1;
    raise(SIGUSR1);
    return 0;
}

static bool dies_on_stack(stack_t stack)
{
    int status = child_run(raise_on_stack, &stack);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static char *fpu_in_frame;

static uint32_t state_size; // without the magic number that closes it; 0: there is none

static void note_fpu_place(int signal, siginfo_t *info, void *argument)
{
    fpu_in_frame = (char *)((ucontext_t *)argument)->uc_mcontext.fpregs;
    if (has_xsave())
        memcpy(&state_size, fpu_in_frame + 464 + 16, sizeof(state_size));
}

static int raise_near_the_end(void *argument)
{
    stack_t *stack = argument;
    uint64_t near = (uint64_t)stack->ss_sp + 512, result = SYS_kill;
    sigaltstack(stack, NULL);
    __asm__ volatile("xchgq %1, %%rsp; syscall; xchgq %1, %%rsp"
                     : "+a"(result), "+r"(near)
                     : "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
    return 0;
}

// A frame that does not fit would lie over what is below the stack, which may be written.
static bool frames_stay_on_their_stack(void)
{
    char *pages = map_pages(8);
    stack_t small = { .ss_sp = pages + 4 * PAGE, .ss_size = 2048 };
    stack_t large = { .ss_sp = pages + 4 * PAGE, .ss_size = 4 * PAGE };
    handle_on(SIGUSR1, note_fpu_place, SA_ONSTACK);
    EXPECT(dies_on_stack(small) == (getauxval(AT_MINSIGSTKSZ) > 2048));
    EXPECT(!dies_on_stack(large));
    int status = child_run(raise_near_the_end, &large);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    return true;
}

static void judge_mask(int signal, siginfo_t *info, void *argument)
{
    const sigset_t *mask = &((ucontext_t *)argument)->uc_sigmask;
    bool is_of_before = sigismember(mask, SIGUSR2) == 1 && sigismember(mask, SIGUSR1) == 0 &&
                        sigismember(mask, SIGHUP) == 0;
    _exit(is_of_before ? 0 : 1);
}

static int raise_without_stack(void *stack)
{
    struct sigaction action = { .sa_sigaction = note_context, .sa_flags = SA_SIGINFO };
    uint64_t nowhere = 0, result = SYS_kill;
    block(SIGUSR2);
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &action, NULL);
    handle_on(SIGSEGV, judge_mask, SA_ONSTACK);
    sigaltstack(stack, NULL);
    __asm__ volatile("xchgq %1, %%rsp; syscall; xchgq %1, %%rsp"
                     : "+a"(result), "+r"(nowhere)
                     : "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
    return 2;
}

// A handler for whose frame there is no room has blocked nothing.
static bool who_has_no_frame_blocks_nothing(void)
{
    stack_t stack = { .ss_sp = map_pages(4), .ss_size = 4 * PAGE };
    EXPECT(child_run(raise_without_stack, &stack) == 0);
    return true;
}

// The FPU state ends where the frame begins below it; either may lie on a page that is read-only.
static bool every_part_of_a_frame_must_be_writable(void)
{
    char *pages = map_pages(4), *border = pages + 2 * PAGE;
    stack_t stack = { .ss_sp = pages, .ss_size = 4 * PAGE };
    handle_on(SIGUSR1, note_fpu_place, SA_ONSTACK);
    EXPECT(raise_on_stack(&stack) == 0);
    EXPECT(fpu_in_frame > border && fpu_in_frame < pages + 4 * PAGE);
    stack.ss_size =
        2 * PAGE + (size_t)(pages + 4 * PAGE - fpu_in_frame); // so the state is at border
    EXPECT(raise_on_stack(&stack) == 0 && fpu_in_frame == border);
    EXPECT(mprotect(border, PAGE, PROT_READ) == 0 && dies_on_stack(stack));
    EXPECT(mprotect(border, PAGE, PROT_READ | PROT_WRITE) == 0 && !dies_on_stack(stack));
    EXPECT(mprotect(border - PAGE, PAGE, PROT_READ) == 0 && dies_on_stack(stack));
    EXPECT(mprotect(border - PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    if (state_size == 0 || state_size % 64 != 0) // then its last bytes share a line with the magic
        return true;
    stack.ss_size -= state_size;
    EXPECT(!dies_on_stack(stack));
    EXPECT(mprotect(border, PAGE, PROT_READ) == 0 && dies_on_stack(stack));
    return true;
}

static char *frame_of_plain;

static void note_plain(int signal, siginfo_t *info, void *context)
{
    frame_of_plain = (char *)context - 8;
}

static bool plain_handlers_get_no_siginfo(void)
{
    static char memory[4 * PAGE];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
    struct sigaction action = { .sa_sigaction = note_plain, .sa_flags = SA_ONSTACK };
    memset(memory, 0x5a, sizeof(memory));
    EXPECT(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    raise(SIGUSR1);
    EXPECT(frame_of_plain > memory && frame_of_plain + FRAME_SIZE < memory + sizeof(memory));
    for (char *byte = frame_of_plain + INFO_OFFSET; byte < frame_of_plain + FRAME_SIZE; byte++)
        EXPECT(*byte == 0x5a);
    return true;
}

const struct test stack_tests[] = {
    { "frames_carry_the_alternate_stack", frames_carry_the_alternate_stack },
    { "alternate_stacks_have_exact_ends", alternate_stacks_have_exact_ends },
    { "alternate_stacks_have_modes", alternate_stacks_have_modes },
    { "alternate_stacks_are_for_who_asks", alternate_stacks_are_for_who_asks },
    { "frames_stay_on_their_stack", frames_stay_on_their_stack },
    { "who_has_no_frame_blocks_nothing", who_has_no_frame_blocks_nothing },
    { "every_part_of_a_frame_must_be_writable", every_part_of_a_frame_must_be_writable },
    { "plain_handlers_get_no_siginfo", plain_handlers_get_no_siginfo },
};
const size_t stack_test_count = COUNT_OF(stack_tests);
