// Programs that raise as much as they can, for ever. A bystander on the same processor keeps its
// share and what it has in its registers.
#include "bystander.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define LEAST_SHARE 35u // per cent, of two that want all
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

static int storm(const struct attempt *attempt)
{
    uint64_t length_ns = sweeps_are_quick ? 200000000u : 500000000u;
    struct bystander *bystander = bystander_start(BYSTANDER_ON_CPU_0);
    pid_t pid = child_start(rage, (void *)&attempt->number);
    uint64_t start = bystander_run_ns(bystander), since = clock_ns();
    sleep_ns(length_ns);
    uint64_t ran = bystander_run_ns(bystander) - start, passed = clock_ns() - since;
    kill(pid, SIGKILL);
    child_wait(pid);
    if (!kernel_is_ringfence()) { // other programs may want the processor, too
        struct rusage usage;
        getrusage(RUSAGE_CHILDREN, &usage);
        passed = ran + (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
                 (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000u;
    }
    if (bystander_end(bystander))
        return 1;
    attempt_note("bystander ran %lu%%", (unsigned long)(100 * ran / passed));
    return 100 * ran / passed < LEAST_SHARE;
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
