// Calls that cannot be made like any other: those that end or copy the caller, that wait for a
// signal, that take a frame off the stack.
#include "callfuzz.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define FAILED 99 // exit status of a helper whose call came back
#define CALLS_BELOW 8u
#define ALARM_US 300
#define CALL_NONE LONG_MIN

static const uint64_t nothing[ARGUMENT_LIMIT];

_Noreturn static void end_now(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

_Noreturn void descend(struct fuzzer *fuzzer)
{
    fuzzer->depth++;
    make_calls(fuzzer, 1 + random_below(fuzzer, CALLS_BELOW));
    end_now(0);
}

bool call_is_dear(size_t call)
{
    static const uint16_t numbers[] = { SYS_fork,   SYS_vfork,        SYS_clone,
                                        SYS_clone3, SYS_exit,         SYS_exit_group,
                                        SYS_execve, SYS_rt_sigreturn, SYS_setsid };
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (calls[call].number == numbers[i])
            return true;
    }
    return false;
}

static long copy_process(struct fuzzer *fuzzer, const struct call *call,
                         const uint64_t arguments[ARGUMENT_LIMIT])
{
    bool is_plain = call->number == SYS_fork ||
                    (call->number == SYS_clone && !(arguments[0] & CLONE_VM) && arguments[1] == 0);
    if (fuzzer->depth > 0)
        return CALL_NONE;
    // Its numbers are its own, whether it is made or not.
    uint64_t chance = random_word(fuzzer);
    long result = invoke(call->number, arguments, !is_plain);
    if (result == 0 && is_plain) {
        fuzzer->chance = chance;
        descend(fuzzer);
    }
    if (result > 0)
        world_register(fuzzer, (int)result);
    return result;
}

static struct fuzzer *scrambler;

// Changes the frame that it will return through: what it must not matter for, or anything.
static void scramble(int signal, siginfo_t *info, void *frame)
{
    struct fuzzer *fuzzer = scrambler;
    ucontext_t *context = frame;
    if (fuzzer->is_good) {
        context->uc_mcontext.gregs[REG_R9] = (greg_t)random_word(fuzzer);
        context->uc_mcontext.gregs[REG_R10] = (greg_t)random_word(fuzzer);
        memset(&context->uc_sigmask, (int)random_word(fuzzer), 8);
        return;
    }
    for (uint32_t i = random_below(fuzzer, 3); i < 3; i++) {
        uint64_t value = one_in(fuzzer, 2) ? random_word(fuzzer) : make_bad_pointer(fuzzer);
        uint32_t place = random_below(fuzzer, 40);
        if (place < 23)
            context->uc_mcontext.gregs[place] = (greg_t)value;
        else if (place < 26)
            context->uc_mcontext.fpregs = (void *)value;
        else if (context->uc_mcontext.fpregs != NULL)
            memcpy((char *)context->uc_mcontext.fpregs + random_below(fuzzer, 1024), &value, 8);
    }
}

static int return_scrambled(struct fuzzer *fuzzer)
{
    struct sigaction action = { .sa_sigaction = scramble, .sa_flags = SA_SIGINFO };
    scrambler = fuzzer;
    sigaction(SIGUSR2, &action, NULL);
    syscall(SYS_kill, syscall(SYS_getpid), SIGUSR2);
    return 0;
}

_Noreturn static void run_helper(struct fuzzer *fuzzer, const struct call *call,
                                 const uint64_t arguments[ARGUMENT_LIMIT])
{
    if (call->number == SYS_rt_sigreturn)
        end_now(return_scrambled(fuzzer));
    long result = invoke(call->number, arguments, false);
    end_now(call->number == SYS_setsid && result > 0 ? 0 : FAILED);
}

// The call in a process of its own, since it does not come back when it succeeds.
static long call_in_helper(struct fuzzer *fuzzer, const struct call *call,
                           const uint64_t arguments[ARGUMENT_LIMIT])
{
    int status;
    uint64_t chance = random_word(fuzzer);
    if (fuzzer->depth > 0)
        return CALL_NONE;
    long pid = invoke(SYS_fork, nothing, false);
    if (pid < 0)
        return CALL_NONE;
    if (pid == 0) {
        fuzzer->chance = chance;
        run_helper(fuzzer, call, arguments);
    }
    world_register(fuzzer, (int)pid);
    long got;
    do
        got = syscall(SYS_wait4, pid, &status, 0, NULL);
    while (got < 0 && errno == EINTR);
    if (got != pid) // another thread took it
        return CALL_NONE;
    return (status & 0x7f) == 0 && status >> 8 != FAILED ? 0 : -1;
}

static long wait_for_alarm(const struct call *call, const uint64_t arguments[ARGUMENT_LIMIT])
{
    struct itimerval soon = { .it_value = { 0, ALARM_US } };
    setitimer(ITIMER_REAL, &soon, NULL);
    long result = invoke(call->number, arguments, false);
    return result == -EINTR ? 0 : result;
}

// A signal is there to be taken.
static long wait_for_queued(const struct call *call, const uint64_t arguments[ARGUMENT_LIMIT])
{
    uint64_t set = 1ul << (QUEUED_SIGNAL - 1);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof(set));
    syscall(SYS_tkill, syscall(SYS_gettid), QUEUED_SIGNAL);
    return invoke(call->number, arguments, false);
}

bool make_special(struct fuzzer *fuzzer, size_t call, const uint64_t arguments[ARGUMENT_LIMIT],
                  long *result)
{
    const struct call *it = &calls[call];
    switch (it->number) {
    case SYS_fork:
    case SYS_vfork:
    case SYS_clone:
    case SYS_clone3:
        *result = copy_process(fuzzer, it, arguments);
        return true;
    case SYS_exit:
    case SYS_exit_group:
    case SYS_execve:
    case SYS_rt_sigreturn:
    case SYS_setsid: // who leads a group cannot
        *result = call_in_helper(fuzzer, it, arguments);
        return true;
    case SYS_pause:
    case SYS_rt_sigsuspend:
        *result = wait_for_alarm(it, arguments);
        return true;
    case SYS_rt_sigtimedwait:
        *result = wait_for_queued(it, arguments);
        return true;
    case SYS_restart_syscall: // what it says when there is nothing to restart
        *result = invoke(it->number, arguments, false);
        if (*result == -EINTR)
            *result = 0;
        return true;
    default:
        return false;
    }
}
