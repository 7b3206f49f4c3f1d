// Programs that raise as much as they can, for ever. A bystander on the same processor keeps its
// share and what it has in its registers.
#include "bystander.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u
#define LEAST_SHARE 35u // per cent, of two that want all
#define WINDOWS 20u     // until it is certain that the share is too small
#define FLAG_TF 0x100

static void go_on(int signal, siginfo_t *info, void *context)
{
}

// The flag is clear in a handler, and in what it returns to if this one does not set it.
static void step_on(int signal, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= FLAG_TF;
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

static void (*const storms[])(void) = { undefined,  protection, page_fault,    single_step,
                                        breakpoint, x87,        unknown_calls, yields,
                                        signals,    maps,       timers,        bad_pointers };

static int rage(void *which)
{
    pin_to_cpu(0);
    storms[*(const unsigned long *)which]();
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

static int storm(const struct attempt *attempt)
{
    struct bystander *bystander = bystander_start(BYSTANDER_ON_CPU_0);
    pid_t pid = child_start(rage, (void *)&attempt->number);
    unsigned share = measure_share(bystander, pid);
    kill(pid, SIGKILL);
    child_wait(pid);
    if (bystander_end(bystander))
        return 1;
    attempt_note("bystander ran %u%%", share);
    return share < LEAST_SHARE;
}

#define STORM(label, which)                                                                        \
    {                                                                                              \
        .name = label, .run = storm, .number = which, .must = HARMLESS                             \
    }

static const struct attempt attempts[] = {
    STORM("undefined", 0),     STORM("protection", 1), STORM("page-fault", 2),
    STORM("single-step", 3),   STORM("breakpoint", 4), STORM("x87", 5),
    STORM("unknown-calls", 6), STORM("yields", 7),     STORM("signals", 8),
    STORM("maps", 9),          STORM("timers", 10),    STORM("bad-pointers", 11),
};
GROUP(storms, "a bystander keeps its share", attempts);
