// Calls that signals interrupt: repeated, or EINTR, by the table that Linux follows; and calls that
// wait for signals.
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static bool read_through_signal(int flags, int *error)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends) != 0)
        return false;
    record_on(SIGUSR1, flags);
    pid_t target = getpid(), child = fork();
    if (child == 0) {
        sleep_ns(100 * MILLISECONDS);
        kill(target, SIGUSR1);
        sleep_ns(100 * MILLISECONDS);
        _exit(write(ends[1], "x", 1) != 1);
    }
    errno = 0;
    ssize_t result = read(ends[0], &byte, 1);
    *error = errno;
    child_wait(child);
    return result == 1;
}

static bool read_is_restarted(void)
{
    int error;
    EXPECT(read_through_signal(SA_RESTART, &error));
    EXPECT(seen_count == 1);
    return true;
}

static bool read_gives_eintr(void)
{
    int error;
    EXPECT(!read_through_signal(0, &error) && error == EINTR);
    EXPECT(seen_count == 1);
    return true;
}

static bool wait_follows_restart(void)
{
    record_on(SIGUSR1, 0);
    pid_t sleeper = fork();
    if (sleeper == 0) {
        sleep_ns(500 * MILLISECONDS);
        _exit(0);
    }
    pid_t sender = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT_ERROR(waitpid(sleeper, NULL, 0), EINTR);
    child_wait(sender);
    record_on(SIGUSR1, SA_RESTART);
    sender = send_later(SIGUSR1, 50 * MILLISECONDS);
    EXPECT(waitpid(sleeper, NULL, 0) == sleeper);
    EXPECT(seen_count == 2);
    child_wait(sender);
    return true;
}

static bool sleep_tells_the_rest(void)
{
    struct timespec request = { 5, 0 }, left = { 0, 0 };
    record_on(SIGUSR1, SA_RESTART);
    pid_t child = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT_ERROR(nanosleep(&request, &left), EINTR);
    EXPECT(left.tv_sec == 4 && left.tv_nsec > 0);
    child_wait(child);
    child = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, 0, &request, &left) == EINTR && left.tv_sec == 4);
    child_wait(child);
    clock_gettime(CLOCK_MONOTONIC, &request);
    request.tv_sec += 5;
    child = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &request, NULL) == EINTR);
    child_wait(child);
    return true;
}

static bool poll_is_never_restarted(void)
{
    struct timespec limit = { 5, 0 };
    record_on(SIGUSR1, SA_RESTART);
    pid_t child = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT_ERROR(poll(NULL, 0, 5000), EINTR);
    child_wait(child);
    child = send_later(SIGUSR1, 100 * MILLISECONDS);
    EXPECT_ERROR(ppoll(NULL, 0, &limit, NULL), EINTR);
    child_wait(child);
    return true;
}

static bool stops_do_not_interrupt(void)
{
    uint64_t start = clock_ns();
    pid_t child = fork();
    if (child == 0)
        _exit(nanosleep(&(struct timespec){ 0, 400 * MILLISECONDS }, NULL) == 0 ? 0 : 1);
    sleep_ns(100 * MILLISECONDS);
    kill(child, SIGSTOP);
    sleep_ns(100 * MILLISECONDS);
    kill(child, SIGCONT);
    EXPECT(child_wait(child) == 0);
    EXPECT(clock_ns() - start >= 400 * MILLISECONDS);
    return true;
}

static int sleep_for_a_second(void)
{
    return nanosleep(&(struct timespec){ 1, 0 }, NULL) != 0;
}

static int poll_for_a_second(void)
{
    struct pollfd none = { .fd = -1, .revents = POLLIN };
    return poll(&none, 1, 1000) != 0 || none.revents != 0;
}

static int poll_nothing_for_a_second(void)
{
    return poll(NULL, 0, 1000) != 0;
}

// Continued shortly before their waits are over, the children wait for the rest only.
static bool stops_do_not_prolong_waits(void)
{
    static int (*const waits[])(void) = { sleep_for_a_second, poll_for_a_second,
                                          poll_nothing_for_a_second };
    pid_t children[COUNT_OF(waits)];
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(waits[i]());
    }
    sleep_ns(800 * MILLISECONDS);
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        kill(children[i], SIGSTOP);
    sleep_ns(100 * MILLISECONDS);
    uint64_t continued = clock_ns();
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        kill(children[i], SIGCONT);
    for (size_t i = 0; i < COUNT_OF(waits); i++)
        EXPECT(child_wait(children[i]) == 0);
    EXPECT(clock_ns() - continued < 600 * MILLISECONDS);
    return true;
}

static bool suspend_borrows_a_mask(void)
{
    sigset_t none, mask;
    sigemptyset(&none);
    record_on(SIGUSR1, 0);
    block(SIGUSR1);
    raise(SIGUSR1);
    EXPECT(seen_count == 0);
    EXPECT_ERROR(sigsuspend(&none), EINTR);
    EXPECT(seen_count == 1);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    EXPECT(sigismember(&mask, SIGUSR1));
    raise(SIGUSR1);
    EXPECT(seen_count == 1);
    EXPECT_ERROR(ppoll(NULL, 0, NULL, &none), EINTR);
    EXPECT(seen_count == 2);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    EXPECT(sigismember(&mask, SIGUSR1));
    return true;
}

static bool pause_ends_with_a_handler(void)
{
    record_on(SIGUSR1, SA_RESTART);
    pid_t child = send_later(SIGUSR1, 50 * MILLISECONDS);
    EXPECT_ERROR(pause(), EINTR);
    child_wait(child);
    return true;
}

static bool sigtimedwait_takes(void)
{
    sigset_t set;
    siginfo_t info;
    struct timespec limit = { 0, 50 * MILLISECONDS };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    EXPECT_ERROR(sigtimedwait(&set, &info, &limit), EAGAIN);
    raise(SIGUSR1);
    EXPECT(sigtimedwait(&set, &info, &limit) == SIGUSR1 && info.si_signo == SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 42 });
    EXPECT(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == 42);
    EXPECT(info.si_code == SI_QUEUE);
    pid_t child = send_later(SIGUSR1, 50 * MILLISECONDS);
    EXPECT(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == child);
    child_wait(child);
    record_on(SIGUSR2, SA_RESTART);
    child = send_later(SIGUSR2, 50 * MILLISECONDS);
    EXPECT_ERROR(syscall(SYS_rt_sigtimedwait, &set, &info, NULL, 8), EINTR);
    child_wait(child);
    EXPECT(seen_count == 1);
    limit.tv_nsec = -1;
    EXPECT_ERROR(sigtimedwait(&set, &info, &limit), EINVAL);
    return true;
}

static bool masks_of_polls_let_signals_in(void)
{
    struct timespec none = { 0, 0 };
    struct pollfd ready = { .fd = open("/dev/null", O_RDONLY), .events = POLLIN };
    sigset_t empty, pending;
    sigemptyset(&empty);
    record_on(SIGUSR1, SA_RESTART);
    block(SIGUSR1);
    EXPECT(ppoll(NULL, 0, &none, &empty) == 0);
    kill(getpid(), SIGUSR1);
    EXPECT_ERROR(ppoll(NULL, 0, &none, &empty), EINTR);
    EXPECT(seen_count == 1);
    kill(getpid(), SIGUSR1);
    EXPECT_ERROR(pselect(0, NULL, NULL, NULL, &none, &empty), EINTR);
    EXPECT(seen_count == 2);
    kill(getpid(), SIGUSR1); // what is ready comes first
    EXPECT(ppoll(&ready, 1, &none, &empty) == 1);
    EXPECT(seen_count == 2 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    signal(SIGUSR1, SIG_IGN);
    EXPECT(ppoll(NULL, 0, &none, &empty) == 0);
    return true;
}

const struct test wait_tests[] = {
    { "masks_of_polls_let_signals_in", masks_of_polls_let_signals_in },
    { "read_is_restarted", read_is_restarted },
    { "read_gives_eintr", read_gives_eintr },
    { "wait_follows_restart", wait_follows_restart },
    { "sleep_tells_the_rest", sleep_tells_the_rest },
    { "poll_is_never_restarted", poll_is_never_restarted },
    { "stops_do_not_interrupt", stops_do_not_interrupt },
    { "stops_do_not_prolong_waits", stops_do_not_prolong_waits },
    { "suspend_borrows_a_mask", suspend_borrows_a_mask },
    { "pause_ends_with_a_handler", pause_ends_with_a_handler },
    { "sigtimedwait_takes", sigtimedwait_takes },
};
const size_t wait_test_count = COUNT_OF(wait_tests);
