// Runs pieces of code over and over in one process and comes back from whatever signal they raise.
// For attempts with thousands of values. Invariant: a signal resumes at registers_back, with the
// registers as they were when it came, on selectors that are right.
#include "registers.h"

#include <string.h>

#define USER_CODE 0x33ul
#define FLAGS_TO_DROP 0x44500ul // AC NT DF TF: they would outlive the signal

extern const char registers_back[];

static volatile struct seen seen;

static void note_and_resume(int signal, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    seen.signal = signal;
    seen.code = info->si_code;
    seen.address = (uint64_t)info->si_addr;
    seen.trap = (int)registers[REG_TRAPNO];
    seen.error = (uint32_t)registers[REG_ERR];
    seen.rip = (uint64_t)registers[REG_RIP];
    seen.cs = (uint64_t)registers[REG_CSGSFS] & 0xffff;
    registers[REG_RIP] = (greg_t)registers_back;
    registers[REG_CSGSFS] = (greg_t)(((uint64_t)registers[REG_CSGSFS] & ~0xfffful) | USER_CODE);
    registers[REG_EFL] &= ~(greg_t)FLAGS_TO_DROP;
}

static void call_handler(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
    struct sigaction action = { .sa_sigaction = note_and_resume,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    static char alternate[65536];
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaction(signals[i], &action, NULL);
}

struct seen registers_try(const void *start)
{
    static bool prepared;
    if (!prepared)
        call_handler();
    prepared = true;
    memset((void *)&seen, 0, sizeof(seen));
    registers_run(start);
    return seen;
}

int expect_protection(const struct seen *what, const struct code *code, uint32_t error,
                      unsigned number)
{
    if (what->signal != SIGSEGV || what->code != SI_KERNEL || what->trap != 13 ||
        what->error != error || what->address != 0 || what->rip != (uint64_t)code->at)
        return attempt_note("%#x: signal %d code %d vector %d error %#x addr %#lx rip %#lx", number,
                            what->signal, what->code, what->trap, what->error, what->address,
                            what->rip);
    return 0;
}

int expect_nothing(const struct seen *what, unsigned number)
{
    if (what->signal != 0)
        return attempt_note("%#x: signal %d code %d vector %d error %#x rip %#lx", number,
                            what->signal, what->code, what->trap, what->error, what->rip);
    return 0;
}
