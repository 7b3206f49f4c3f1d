// Programs that raise as much as they can, for ever. A bystander on the same processor keeps its
// share and what it has in its registers.
#include "bystander.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define LEAST_SHARE 35u   // per cent, of two that want all
#define WINDOWS 20u       // until it is certain that the share is too small
#define LEAST_SIGNALS 20u // fewer are no storm
#define FLAG_TF 0x100

static volatile uint64_t *handled; // signals; shared with who rages

static void go_on(int signal, siginfo_t *info, void *context)
{
    ++*handled;
}

// The flag is clear in a handler, and in what it returns to if this one does not set it.
static void step_on(int signal, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= FLAG_TF;
    ++*handled;
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigaction(signal, &action, NULL);
}

static void undefined(void)
{
    handle(SIGILL, go_on);
    __asm__ volatile("ud2");
}

static void protection(void)
{
    handle(SIGSEGV, go_on);
    __asm__ volatile("hlt");
}

static void page_fault(void)
{
    void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    handle(SIGSEGV, go_on);
    *(volatile char *)page = 1;
}

static void single_step(void)
{
    handle(SIGTRAP, step_on);
    __asm__ volatile("pushfq; orl $0x100, (%%rsp); popfq; 1: jmp 1b" ::: "memory");
}

static void breakpoint(void)
{
    handle(SIGTRAP, go_on);
    for (;;)
        __asm__ volatile("int3");
}

static void x87(void)
{
    static const uint16_t control = 0x37b;
    handle(SIGFPE, go_on);
    for (;;)
        __asm__ volatile(
            "fninit; fldcw %0; fld1; fldz; fdivrp %%st, %%st(1); fwait" ::"m"(control));
}

// In the emulator an invalid opcode, which is a storm, too.
static void ice_breakpoint(void)
{
    handle(SIGTRAP, go_on);
    if (reason_applies(IN_TCG))
        handle(SIGILL, go_on);
    for (;;)
        __asm__ volatile(".byte 0xf1");
}

// The instruction comes again, and so does AC: the handler has it, too.
static void misaligned(void)
{
    static const uint64_t words[2] = { 0 };
    handle(SIGBUS, go_on);
    __asm__ volatile("pushfq; orl $0x40000, (%%rsp); popfq; 1: movl 1(%0), %%ecx; jmp 1b"
                     :
                     : "r"(words)
                     : "rcx", "memory");
}

static void sse(void)
{
    static const uint32_t control = 0x1d80; // division by zero is open
    handle(SIGFPE, go_on);
    __asm__ volatile("ldmxcsr %0; xorps %%xmm1, %%xmm1; movl $1, %%ecx; cvtsi2ssl %%ecx, %%xmm0;"
                     "1: movaps %%xmm0, %%xmm2; divss %%xmm1, %%xmm2; jmp 1b"
                     :
                     : "m"(control)
                     : "rcx", "xmm0", "xmm1", "xmm2");
}

static void unknown_calls(void)
{
    for (;;)
        syscall(-1);
}

static void yields(void)
{
    for (;;)
        syscall(SYS_sched_yield);
}

static void signals(void)
{
    handle(SIGUSR1, go_on);
    for (;;)
        kill(getpid(), SIGUSR1);
}

static void maps(void)
{
    for (;;) {
        char *page =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        page[0] = 1;
        munmap(page, 16 * PAGE);
    }
}

static void timers(void)
{
    const struct itimerval often = { { 0, 1 }, { 0, 1 } };
    handle(SIGALRM, go_on);
    setitimer(ITIMER_REAL, &often, NULL);
    for (;;)
        ;
}

static void bad_pointers(void)
{
    for (;;)
        syscall(SYS_read, 0, 0xffffffff80000000ul, 4096);
}

struct storm {
    void (*rage)(void);
    bool has_signals;
    bool not_in_emulator; // has them: TCG does not raise what it is about
};

static int rage(void *storm)
{
    pin_to_cpu(0);
    ((const struct storm *)storm)->rage();
    return 0;
}

// On Linux other programs may want the processor, too: there it is the two of them that are
// compared.
static uint64_t storm_ns(pid_t pid, uint64_t passed_ns, uint64_t bystander_ns)
{
    struct timespec time;
    clockid_t clock;
    if (kernel_is_ringfence() || clock_getcpuclockid(pid, &clock) != 0 ||
        clock_gettime(clock, &time) != 0)
        return passed_ns - bystander_ns;
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// In per cent. A window in which the machine below stood still says nothing: the next goes on from
// it.
static unsigned measure_share(const struct bystander *bystander, pid_t pid)
{
    uint64_t window_ns = sweeps_are_quick ? 200000000u : 500000000u, share = 0;
    uint64_t before = bystander_run_ns(bystander), since = clock_ns();
    for (unsigned window = 0; window < WINDOWS && share < LEAST_SHARE; window++) {
        if (bystander_has_ended(bystander))
            break;
        sleep_ns(window_ns);
        uint64_t ran = bystander_run_ns(bystander) - before;
        share = 100 * ran / (ran + storm_ns(pid, clock_ns() - since, ran));
    }
    return (unsigned)share;
}

static int judge_signals(const struct storm *storm)
{
    bool due = storm->has_signals && !(storm->not_in_emulator && reason_applies(IN_TCG));
    if (due && *handled < LEAST_SIGNALS)
        return attempt_note("only %lu signals came", *handled);
    if (!due && *handled != 0)
        return attempt_note("%lu signals came", *handled);
    return 0;
}

static int run_storm(const struct attempt *attempt)
{
    handled =
        mmap(NULL, sizeof(*handled), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (handled == MAP_FAILED)
        return attempt_note("no shared memory");
    struct bystander *bystander = bystander_start(BYSTANDER_ON_CPU_0);
    pid_t pid = child_start(rage, (void *)attempt->argument);
    unsigned share = measure_share(bystander, pid);
    kill(pid, SIGKILL);
    int ended = child_wait(pid);
    if (bystander_end(bystander) || judge_signals(attempt->argument))
        return 1;
    if (!WIFSIGNALED(ended) || WTERMSIG(ended) != SIGKILL)
        return attempt_note("the storm ended by itself, status %#x", ended);
    attempt_note("bystander ran %u%%", share);
    return share < LEAST_SHARE;
}

#define STORM(label, function, ...)                                                                \
    {                                                                                              \
        .name = label, .run = run_storm, .must = HARMLESS, .argument = &(const struct storm)       \
        {                                                                                          \
            .rage = function, __VA_ARGS__                                                          \
        }                                                                                          \
    }
#define BLIND_STORM(label, function, ...)                                                          \
    {                                                                                              \
        .name = label, .run = run_storm, .must = HARMLESS,                                         \
        .argument = &(const struct storm){ .rage = function, .has_signals = true, __VA_ARGS__ },   \
        .otherwise = {                                                                             \
            { IN_TCG, HARMLESS }                                                                   \
        }                                                                                          \
    }

static const struct attempt attempts[] = {
    STORM("undefined", undefined, .has_signals = true),
    STORM("protection", protection, .has_signals = true),
    STORM("page-fault", page_fault, .has_signals = true),
    STORM("single-step", single_step, .has_signals = true),
    STORM("breakpoint", breakpoint, .has_signals = true),
    STORM("x87", x87, .has_signals = true),
    // TCG takes icebp for an invalid opcode, looks at no AC and raises no exception of SSE.
    BLIND_STORM("icebp", ice_breakpoint),
    BLIND_STORM("alignment", misaligned, .not_in_emulator = true),
    BLIND_STORM("sse", sse, .not_in_emulator = true),
    STORM("unknown-calls", unknown_calls),
    STORM("yields", yields),
    STORM("signals", signals, .has_signals = true),
    STORM("maps", maps),
    STORM("timers", timers, .has_signals = true),
    STORM("bad-pointers", bad_pointers),
};
GROUP(storms, "a bystander keeps its share", attempts);
