// Signals as Linux programs use them. Runs unchanged on Linux, which is how the expectations were
// checked. Each test is a process; `ok NAME` or `BAD NAME`. Exits 1 if any was bad. signals [NAME]
#include "check.h"

#include <cpuid.h>

static const struct test_group groups[] = {
    { delivery_tests, &delivery_test_count }, { frame_tests, &frame_test_count },
    { wait_tests, &wait_test_count },         { child_tests, &child_test_count },
    { timer_tests, &timer_test_count },       { return_tests, &return_test_count },
    { context_tests, &context_test_count },   { stack_tests, &stack_test_count },
    { state_tests, &state_test_count },       { gate_tests, &gate_test_count },
    { group_tests, &group_test_count },       { vfork_tests, &vfork_test_count },
    { stop_tests, &stop_test_count },         { mask_tests, &mask_test_count },
};

volatile int seen_count, seen_signal;
siginfo_t seen_info;

void record(int signal, siginfo_t *info, void *context)
{
    seen_count++;
    seen_signal = signal;
    seen_info = *info;
}

void handle_on(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };
    if (sigaction(signal, &action, NULL) != 0)
        fail("sigaction");
}

void record_on(int signal, int flags)
{
    handle_on(signal, record, flags);
}

static void change_mask(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    if (sigprocmask(how, &set, NULL) != 0)
        fail("sigprocmask");
}

void block(int signal)
{
    change_mask(SIG_BLOCK, signal);
}

void unblock(int signal)
{
    change_mask(SIG_UNBLOCK, signal);
}

pid_t send_later(int signal, uint64_t delay_ns)
{
    pid_t target = getpid(), child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        sleep_ns(delay_ns);
        kill(target, signal);
        _exit(0);
    }
    return child;
}

static uint32_t features(void)
{
    uint32_t eax, ebx, ecx, edx;
    __cpuid(1, eax, ebx, ecx, edx);
    return ecx;
}

bool has_xsave(void)
{
    return features() & (1u << 27);
}

bool has_avx(void)
{
    return (features() & (3u << 27)) == 3u << 27;
}

int main(int argc, char **argv)
{
    return suite_run("signals", groups, COUNT_OF(groups), argv[1], NULL) != 0;
}
