// Who gets a signal, when, with which siginfo; masks, queues, actions, what exec and fork keep.
#include "check.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool kill_carries_sender(void)
{
    record_on(SIGUSR1, 0);
    EXPECT(kill(getpid(), SIGUSR1) == 0);
    EXPECT(seen_count == 1 && seen_signal == SIGUSR1);
    EXPECT(seen_info.si_code == SI_USER && seen_info.si_pid == getpid());
    EXPECT(seen_info.si_uid == getuid());
    EXPECT(syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGUSR1) == 0);
    EXPECT(seen_count == 2 && seen_info.si_code == SI_TKILL && seen_info.si_pid == getpid());
    EXPECT_ERROR(kill(getpid(), 65), EINVAL);
    EXPECT_ERROR(syscall(SYS_tgkill, getpid(), 99999, SIGUSR1), ESRCH);
    EXPECT(kill(getpid(), 0) == 0);
    return true;
}

static bool standard_signals_merge(void)
{
    sigset_t pending;
    record_on(SIGUSR1, 0);
    block(SIGUSR1);
    for (int i = 0; i < 5; i++)
        kill(getpid(), SIGUSR1);
    EXPECT(seen_count == 0);
    EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    unblock(SIGUSR1);
    EXPECT(seen_count == 1);
    EXPECT(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
    return true;
}

static int order[8], order_count;

static void note_order(int signal, siginfo_t *info, void *context)
{
    order[order_count++ & 7] = info->si_value.sival_int;
}

static bool realtime_signals_queue(void)
{
    struct sigaction action = { .sa_sigaction = note_order, .sa_flags = SA_SIGINFO };
    int signal = SIGRTMIN + 3;
    sigaction(signal, &action, NULL);
    block(signal);
    for (int i = 0; i < 5; i++)
        EXPECT(sigqueue(getpid(), signal, (union sigval){ .sival_int = 10 + i }) == 0);
    unblock(signal);
    EXPECT(order_count == 5);
    for (int i = 0; i < 5; i++)
        EXPECT(order[i] == 10 + i);
    return true;
}

static bool the_queue_is_limited(void)
{
    struct rlimit limit = { 4, 4 };
    int signal = SIGRTMIN + 1, queued = 0;
    EXPECT(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
    block(signal);
    while (queued < 100 && sigqueue(getpid(), signal, (union sigval){ 0 }) == 0)
        queued++;
    EXPECT(errno == EAGAIN && queued <= 4);
    return true;
}

static void exit_seven(int signal)
{
    _exit(7);
}

// Programs ask which flags the kernel knows by setting them all.
static bool unknown_flags_are_dropped(void)
{
    uint64_t action[4] = { (uint64_t)exit_seven, UINT64_MAX, 0, UINT64_MAX }, old[4];
    EXPECT(syscall(SYS_rt_sigaction, SIGUSR1, action, NULL, 8) == 0);
    EXPECT(syscall(SYS_rt_sigaction, SIGUSR1, NULL, old, 8) == 0);
    EXPECT(old[1] == 0xdc000807);
    EXPECT(old[3] == ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
    return true;
}

static bool actions_are_checked(void)
{
    struct sigaction action = { .sa_handler = exit_seven }, old;
    EXPECT_ERROR(sigaction(SIGKILL, &action, NULL), EINVAL);
    EXPECT_ERROR(sigaction(SIGSTOP, &action, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8), EINVAL);
    EXPECT_ERROR(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8), EINVAL);
    EXPECT_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4), EINVAL);
    EXPECT_ERROR(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8), EFAULT);
    EXPECT(syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8) == 0);
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    EXPECT(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == exit_seven);
    EXPECT_ERROR(syscall(SYS_rt_sigprocmask, 9, &action, NULL, 8), EINVAL);
    EXPECT_ERROR(syscall(SYS_rt_sigprocmask, 0, NULL, NULL, 16), EINVAL);
    return true;
}

static bool masks_never_hold_kill_and_stop(void)
{
    uint64_t all = ~0ull, now = 0;
    EXPECT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &now, 8) == 0 && now == 0);
    EXPECT(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8) == 0);
    EXPECT(now == (~0ull & ~(1ull << (SIGKILL - 1)) & ~(1ull << (SIGSTOP - 1))));
    return true;
}

static volatile int depth, deepest, runs;

static void raise_again(int signal)
{
    if (++depth > deepest)
        deepest = depth;
    if (runs++ < 3)
        raise(signal);
    depth--;
}

static bool a_signal_waits_for_its_handler(void)
{
    struct sigaction action = { .sa_handler = raise_again };
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    EXPECT(runs == 4 && deepest == 1 && depth == 0);
    runs = 0;
    action.sa_flags = SA_NODEFER;
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    EXPECT(runs == 4 && deepest == 4 && depth == 0);
    return true;
}

static bool resethand_handles_once(void)
{
    struct sigaction now;
    record_on(SIGUSR1, SA_RESETHAND);
    raise(SIGUSR1);
    EXPECT(seen_count == 1);
    EXPECT(sigaction(SIGUSR1, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
    return true;
}

static bool ignoring_discards(void)
{
    sigset_t pending;
    block(SIGUSR1);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    EXPECT(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
    signal(SIGUSR1, SIG_DFL);
    unblock(SIGUSR1); // would kill
    signal(SIGTERM, SIG_IGN);
    kill(getpid(), SIGTERM);
    return true;
}

static bool fork_keeps_actions_not_pending(void)
{
    record_on(SIGUSR1, 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    pid_t child = fork();
    if (child == 0) {
        sigset_t pending, mask;
        sigpending(&pending);
        sigprocmask(SIG_SETMASK, NULL, &mask);
        bool kept = sigismember(&mask, SIGUSR1) && !sigismember(&pending, SIGUSR1);
        unblock(SIGUSR1);
        kept = kept && seen_count == 0;
        raise(SIGUSR1);
        _exit(kept && seen_count == 1 ? 0 : 1);
    }
    EXPECT(child_wait(child) == 0);
    return true;
}

static bool exec_resets_handlers(void)
{
    record_on(SIGUSR1, 0);
    signal(SIGUSR2, SIG_IGN);
    block(SIGHUP);
    char *const arguments[] = { "/bin/busybox", "sh", "-c",
                                "kill -USR2 $$; kill -HUP $$; kill -USR1 $$; exit 3", NULL };
    int status = child_wait(program_start(arguments));
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    return true;
}

static bool broken_pipes_signal(void)
{
    int ends[2];
    record_on(SIGPIPE, 0);
    EXPECT(pipe(ends) == 0 && close(ends[0]) == 0);
    EXPECT_ERROR(write(ends[1], "x", 1), EPIPE);
    EXPECT(seen_count == 1 && seen_signal == SIGPIPE);
    return true;
}

static bool queued_siginfo_is_the_senders(void)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    record_on(SIGUSR1, 0);
    info.si_code = -60;
    info.si_value.sival_ptr = (void *)0x123456789abc;
    EXPECT(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info) == 0);
    EXPECT(seen_info.si_code == -60 && seen_info.si_value.sival_ptr == info.si_value.sival_ptr);
    EXPECT(seen_info.si_signo == SIGUSR1);
    EXPECT(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info) == 0);
    EXPECT(seen_count == 2);
    info.si_code = SI_USER;
    EXPECT_ERROR(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info), EPERM);
    return true;
}

const struct test delivery_tests[] = {
    { "kill_carries_sender", kill_carries_sender },
    { "standard_signals_merge", standard_signals_merge },
    { "realtime_signals_queue", realtime_signals_queue },
    { "the_queue_is_limited", the_queue_is_limited },
    { "unknown_flags_are_dropped", unknown_flags_are_dropped },
    { "actions_are_checked", actions_are_checked },
    { "masks_never_hold_kill_and_stop", masks_never_hold_kill_and_stop },
    { "a_signal_waits_for_its_handler", a_signal_waits_for_its_handler },
    { "resethand_handles_once", resethand_handles_once },
    { "ignoring_discards", ignoring_discards },
    { "fork_keeps_actions_not_pending", fork_keeps_actions_not_pending },
    { "exec_resets_handlers", exec_resets_handlers },
    { "broken_pipes_signal", broken_pipes_signal },
    { "queued_siginfo_is_the_senders", queued_siginfo_is_the_senders },
};
const size_t delivery_test_count = COUNT_OF(delivery_tests);
