// Runs attempts and judges them. One that must end by a signal runs twice: once with a witness, a
// handler that writes down what it was told, and once without, when the wait status has to say the
// same. Invariant: what a process says of itself counts only where its wait status agrees.
#include "attempt.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ATTEMPT_LIMIT_NS 120000000000u
#define WITNESS_EXIT 113
#define ALTERNATE_SIZE 65536u

struct record *record;
bool sweeps_are_quick;
int (*attempt_on_signal)(const siginfo_t *info, const ucontext_t *context);

int attempt_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(record->note, sizeof(record->note), format, arguments);
    va_end(arguments);
    return 1;
}

static void witness(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *saved = context;
    record->info = *info;
    record->context = saved->uc_mcontext;
    record->witnessed = true;
    if (attempt_on_signal != NULL)
        attempt_on_signal(info, saved);
    _exit(WITNESS_EXIT);
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };

static void call_witness(void)
{
    static char alternate[ALTERNATE_SIZE];
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
    struct sigaction action = { .sa_sigaction = witness, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigfillset(&action.sa_mask);
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        sigaction(faults[i], &action, NULL);
}

static int attempt_with_witness(void *argument)
{
    const struct attempt *attempt = argument;
    call_witness();
    return attempt->run(attempt) != 0;
}

static int attempt_alone(void *argument)
{
    const struct attempt *attempt = argument;
    return attempt->run(attempt) != 0;
}

// The child's wait status, or -1 when it had to be killed.
static int run_in_child(int (*body)(void *), const struct attempt *attempt)
{
    bool timed_out;
    memset(record, 0, sizeof(*record));
    int status =
        child_wait_limited(child_start(body, (void *)attempt), ATTEMPT_LIMIT_NS, &timed_out);
    return timed_out ? -1 : status;
}

// What the witness saw, in the terms of a verdict.
static struct verdict witnessed_verdict(void)
{
    const greg_t *registers = record->context.gregs;
    return (struct verdict){
        .signal = (int16_t)record->info.si_signo,
        .code = (int16_t)record->info.si_code,
        .trap = (int16_t)registers[REG_TRAPNO],
        .error = (int32_t)registers[REG_ERR],
        .address = record->info.si_addr == NULL ? ADDRESS_ZERO : ADDRESS_ANY,
    };
}

static bool address_matches(const struct verdict *due, uint64_t address, uint64_t rip)
{
    uint64_t place = due->resumes_behind ? record->behind : record->at;
    if (place != 0 && rip != place)
        return attempt_note("saved rip %#lx, not %#lx", rip, place), false;
    uint64_t right = due->address == ADDRESS_AT       ? place
                     : due->address == ADDRESS_STATED ? record->address
                                                      : 0;
    if (due->address != ADDRESS_ANY && address != right)
        return attempt_note("si_addr %#lx, not %#lx", address, right), false;
    return true;
}

static bool witness_agrees(const struct verdict *due)
{
    struct verdict seen = witnessed_verdict();
    if (record->note[0] != '\0' || seen.signal != due->signal || seen.code != due->code)
        return false;
    if (due->trap != ANY_TRAP && (seen.trap != due->trap || seen.error != due->error))
        return attempt_note("vector %d error %#x, not %d %#x", seen.trap, (unsigned)seen.error,
                            due->trap, (unsigned)due->error),
               false;
    return address_matches(due, (uint64_t)record->info.si_addr,
                           (uint64_t)record->context.gregs[REG_RIP]);
}

static void describe_end(int status, char *seen, size_t size)
{
    struct verdict told = witnessed_verdict();
    if (status == -1)
        snprintf(seen, size, "hung");
    else if (record->witnessed)
        verdict_describe(&told, seen, size);
    else if (status == 0)
        snprintf(seen, size, "harmless");
    else if (WIFSIGNALED(status))
        snprintf(seen, size, "%s", signal_word(WTERMSIG(status)));
    else
        snprintf(seen, size, "changed");
}

// Whether it is as it must be; `seen` in words.
static bool judge(const struct attempt *attempt, const struct verdict *due, char *seen, size_t size)
{
    int status;
    if (due->code == ANY_CODE) {
        status = run_in_child(attempt_alone, attempt);
        describe_end(status, seen, size);
        return status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == due->signal;
    }
    status = run_in_child(attempt_with_witness, attempt);
    if (due->signal == 0 || !record->witnessed || !witness_agrees(due)) {
        describe_end(status, seen, size);
        return due->signal == 0 && status == 0;
    }
    verdict_describe(due, seen, size);
    status = run_in_child(attempt_alone, attempt);
    if (status != -1 && WIFSIGNALED(status) && WTERMSIG(status) == due->signal)
        return true;
    describe_end(status, seen, size);
    attempt_note("so it ends without a handler");
    return false;
}

static bool judge_and_print(const struct group *group, const struct attempt *attempt)
{
    char seen[48], must[48];
    enum reason reason;
    const struct verdict *due = verdict_due(attempt, &reason);
    bool good = judge(attempt, due, seen, sizeof(seen));
    printf("escape: %s %s %s %s", group->name, attempt->name, seen, good ? "ok" : "SHORT");
    if (!good)
        printf(": must be %s; %s", verdict_describe(due, must, sizeof(must)), record->note);
    else if (record->note[0] != '\0')
        printf(" (%s)", record->note);
    if (reason != REASON_NONE)
        printf(" (%s)", reason_words(reason));
    printf("\n");
    return good;
}

void judge_begin(void)
{
    record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (record == MAP_FAILED)
        fail("no shared memory");
}

unsigned group_judge(const struct group *group, const char *only, unsigned *count)
{
    unsigned short_count = 0;
    for (size_t i = 0; i < group->count; i++) {
        if (only != NULL && strcmp(only, group->attempts[i].name) != 0)
            continue;
        short_count += !judge_and_print(group, &group->attempts[i]);
        ++*count;
    }
    return short_count;
}
