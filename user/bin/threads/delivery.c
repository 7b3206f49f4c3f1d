// Signals to threads and to the process that they make up.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static atomic_int ready, handled, handled_by, released;

static void note(int signal)
{
    handled_by = own_tid();
    handled++;
}

static void handle(int signal, int flags)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = flags };
    if (sigaction(signal, &action, NULL) != 0)
        fail("sigaction");
}

static void change_mask(int how, int signal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    pthread_sigmask(how, &set, NULL);
}

static void *spin(void *argument)
{
    ready = own_tid();
    await(&released, 1);
    return NULL;
}

static bool test_pthread_kill(void)
{
    handle(SIGUSR1, 0);
    pthread_t thread = thread_begin(spin, NULL);
    await(&ready, 1);
    EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    await(&handled, 1);
    EXPECT(handled_by == ready && ready != getpid());
    EXPECT(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1) == 0);
    EXPECT(handled == 2 && handled_by == getpid());
    EXPECT(syscall(SYS_tkill, ready, SIGUSR1) == 0);
    await(&handled, 3);
    EXPECT(handled_by == ready);
    EXPECT_ERROR(syscall(SYS_tgkill, getpid() + 1000, ready, 0), ESRCH);
    EXPECT_ERROR(syscall(SYS_tgkill, getpid(), getppid(), 0), ESRCH);
    EXPECT(syscall(SYS_tgkill, getpid(), ready, 0) == 0);
    released = 1;
    thread_join(thread);
    return true;
}

// The process's signal goes to whoever does not block it.
static bool test_to_the_one_that_takes_it(void)
{
    handle(SIGUSR1, 0);
    pthread_t thread = thread_begin(spin, NULL);
    await(&ready, 1);
    change_mask(SIG_BLOCK, SIGUSR1);
    EXPECT(kill(getpid(), SIGUSR1) == 0);
    await(&handled, 1);
    EXPECT(handled_by == ready);
    EXPECT(kill(ready, SIGUSR1) == 0); // a thread's number means its process here
    await(&handled, 2);
    released = 1;
    thread_join(thread);
    return true;
}

static void *block_and_spin(void *argument)
{
    change_mask(SIG_BLOCK, SIGUSR1);
    return spin(argument);
}

static bool test_masks_are_each_threads(void)
{
    sigset_t pending;
    handle(SIGUSR1, 0);
    pthread_t thread = thread_begin(block_and_spin, NULL);
    await(&ready, 1);
    EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    EXPECT(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1)); // not ours
    EXPECT(raise(SIGUSR1) == 0 && handled == 1 && handled_by == getpid());
    released = 1;
    thread_join(thread);
    EXPECT(handled == 1); // went with its thread
    return true;
}

// Pending for the process while all block it: the one that unblocks it takes it.
static void *unblock_later(void *argument)
{
    ready = own_tid();
    await(&released, 1);
    change_mask(SIG_UNBLOCK, SIGUSR2);
    return (void *)(intptr_t)(handled == 1 && handled_by == own_tid());
}

static bool test_taken_when_unblocked(void)
{
    handle(SIGUSR2, 0);
    change_mask(SIG_BLOCK, SIGUSR2);
    pthread_t thread = thread_begin(unblock_later, NULL);
    await(&ready, 1);
    EXPECT(kill(getpid(), SIGUSR2) == 0 && handled == 0);
    released = 1;
    EXPECT(thread_join(thread) == (void *)1);
    return true;
}

static void *wait_for_signal(void *argument)
{
    sigset_t set;
    int signal = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    ready = own_tid();
    sigwait(&set, &signal);
    return (void *)(intptr_t)signal;
}

static bool test_sigwait(void)
{
    change_mask(SIG_BLOCK, SIGUSR1);
    change_mask(SIG_BLOCK, SIGTERM);
    pthread_t thread = thread_begin(wait_for_signal, NULL);
    await(&ready, 1);
    await_sleep(ready);
    EXPECT(kill(getpid(), SIGTERM) == 0);
    EXPECT(thread_join(thread) == (void *)SIGTERM);
    ready = 0;
    thread = thread_begin(wait_for_signal, NULL);
    await(&ready, 1);
    EXPECT(pthread_kill(thread, SIGUSR1) == 0);
    EXPECT(thread_join(thread) == (void *)SIGUSR1);
    return true;
}

static atomic_int waiters[2], taken;

static void *wait_for_one_of_two(void *argument)
{
    sigset_t set;
    int signal = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    *(atomic_int *)argument = own_tid();
    sigwait(&set, &signal);
    taken++;
    await(&taken, 2); // the end of a thread passes on what it leaves
    return (void *)(intptr_t)signal;
}

// What comes while the first of them still sleeps is told to that one, who takes but one signal.
static bool each_gets_one(int first, int second)
{
    pthread_t threads[2];
    taken = 0;
    for (int i = 0; i < 2; i++) {
        waiters[i] = 0;
        threads[i] = thread_begin(wait_for_one_of_two, &waiters[i]);
        await(&waiters[i], 1);
        await_sleep(waiters[i]);
    }
    EXPECT(sigqueue(getpid(), first, (union sigval){ 0 }) == 0);
    EXPECT(sigqueue(getpid(), second, (union sigval){ 0 }) == 0);
    int sum = (int)(intptr_t)thread_join(threads[0]) + (int)(intptr_t)thread_join(threads[1]);
    EXPECT(sum == first + second);
    return true;
}

static bool test_two_sigwaits(void)
{
    change_mask(SIG_BLOCK, SIGRTMIN);
    change_mask(SIG_BLOCK, SIGRTMIN + 1);
    for (int round = 0; round < 10; round++)
        EXPECT(each_gets_one(SIGRTMIN, SIGRTMIN) && each_gets_one(SIGRTMIN, SIGRTMIN + 1));
    return true;
}

static siginfo_t queued_info;

static void note_info(int signal, siginfo_t *info, void *context)
{
    queued_info = *info;
    note(signal);
}

static bool test_queued_to_a_thread(void)
{
    struct sigaction action = { .sa_sigaction = note_info, .sa_flags = SA_SIGINFO };
    siginfo_t info = { .si_code = SI_QUEUE };
    EXPECT(sigaction(SIGRTMIN + 3, &action, NULL) == 0);
    pthread_t thread = thread_begin(spin, NULL);
    await(&ready, 1);
    info.si_pid = getpid();
    info.si_value.sival_int = 4711;
    EXPECT(syscall(SYS_rt_tgsigqueueinfo, getpid(), ready, SIGRTMIN + 3, &info) == 0);
    await(&handled, 1);
    EXPECT(handled_by == ready && queued_info.si_value.sival_int == 4711);
    EXPECT(pthread_kill(thread, SIGRTMIN + 3) == 0);
    await(&handled, 2);
    EXPECT(queued_info.si_code == SI_TKILL && queued_info.si_pid == getpid());
    info.si_code = SI_TKILL; // only of itself may a thread claim that
    EXPECT_ERROR(syscall(SYS_rt_tgsigqueueinfo, getpid(), ready, 0, &info), EPERM);
    EXPECT(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &info) == 0);
    released = 1;
    thread_join(thread);
    return true;
}

static char alternate[2][65536];
static atomic_int on_own_stack;

static void note_stack(int signal)
{
    char here;
    uintptr_t base = (uintptr_t)alternate[own_tid() != getpid()];
    on_own_stack += (uintptr_t)&here - base < sizeof(alternate[0]);
}

static bool use_alternate(int which)
{
    stack_t old, stack = { .ss_sp = alternate[which], .ss_size = sizeof(alternate[which]) };
    return sigaltstack(&stack, &old) == 0 && old.ss_flags == SS_DISABLE && raise(SIGUSR1) == 0;
}

static void *use_second(void *argument)
{
    return (void *)(intptr_t)use_alternate(1);
}

static bool test_alternate_stacks(void)
{
    struct sigaction action = { .sa_handler = note_stack, .sa_flags = SA_ONSTACK };
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    EXPECT(use_alternate(0)); // a new thread does not have its creator's
    EXPECT(thread_join(thread_begin(use_second, NULL)) == (void *)1);
    EXPECT(on_own_stack == 2);
    return true;
}

static bool test_timer(void)
{
    struct itimerval value = { .it_value = { 0, 10000 } };
    handle(SIGALRM, 0);
    pthread_t thread = thread_begin(spin, NULL);
    await(&ready, 1);
    change_mask(SIG_BLOCK, SIGALRM);
    EXPECT(setitimer(ITIMER_REAL, &value, NULL) == 0);
    await(&handled, 1);
    EXPECT(handled_by == ready);
    released = 1;
    thread_join(thread);
    return true;
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now = moment_after(clock, 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *compute(void *argument)
{
    while (!released)
        ;
    return NULL;
}

// How much CPU time passes until it fires, with two threads that use it. The second one comes when
// the timer runs, or is there.
static uint64_t used_until_expiry(int which, uint64_t value_us, bool is_there)
{
    struct itimerval value = { .it_value = { 0, (suseconds_t)value_us } };
    handled = released = 0;
    pthread_t thread = is_there ? thread_begin(compute, NULL) : pthread_self();
    uint64_t begin_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    if (setitimer(which, &value, NULL) != 0)
        fail("setitimer");
    if (!is_there)
        thread = thread_begin(compute, NULL);
    while (!handled)
        ;
    uint64_t used_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - begin_ns;
    released = 1;
    thread_join(thread);
    return used_ns / 1000;
}

// Not before the time has been used, and not after half as much again, though two CPUs use it; but
// an emulated CPU may come late.
static bool test_timers_of_cpu_time(void)
{
    const uint64_t value_us = 200000;
    handle(SIGPROF, SA_RESTART);
    handle(SIGVTALRM, SA_RESTART);
    for (int kind = 0; kind < 4; kind++) {
        uint64_t used_us = UINT64_MAX;
        for (int turn = 0; turn < 5 && used_us > value_us * 3 / 2; turn++) {
            used_us =
                used_until_expiry(kind & 1 ? ITIMER_VIRTUAL : ITIMER_PROF, value_us, kind & 2);
            EXPECT(used_us >= value_us);
        }
        EXPECT(used_us <= value_us * 3 / 2);
    }
    return true;
}

// A handler's mask hides a second signal of the process from the first taker only.
static atomic_int second_by;

static void note_second(int signal)
{
    second_by = own_tid();
}

static void wait_in_handler(int signal)
{
    handled_by = own_tid();
    handled = 1;
    while (!second_by)
        sched_yield();
}

static bool test_handler_mask(void)
{
    struct sigaction first = { .sa_handler = wait_in_handler },
                     second = { .sa_handler = note_second };
    sigaddset(&first.sa_mask, SIGUSR2);
    // Else who has taken SIGUSR2 may get SIGUSR1 before the first instruction of note_second(),
    // and waits in there for what it was about to do itself.
    sigaddset(&second.sa_mask, SIGUSR1);
    EXPECT(sigaction(SIGUSR1, &first, NULL) == 0 && sigaction(SIGUSR2, &second, NULL) == 0);
    pthread_t takes_both = thread_begin(spin, NULL);
    await(&ready, 1);
    int first_tid = ready;
    change_mask(SIG_BLOCK, SIGUSR1);
    ready = 0;
    pthread_t takes_second = thread_begin(spin, NULL);
    await(&ready, 1);
    change_mask(SIG_BLOCK, SIGUSR2);
    // Mostly the first thread is told of both, takes SIGUSR1, and then does not take the other.
    EXPECT(kill(getpid(), SIGUSR2) == 0 && kill(getpid(), SIGUSR1) == 0);
    await(&handled, 1);
    EXPECT(handled_by == first_tid);
    while (!second_by)
        sched_yield();
    released = 1;
    thread_join(takes_both);
    thread_join(takes_second);
    return true;
}

const struct test delivery_tests[] = {
    { "pthread-kill", test_pthread_kill },
    { "to-the-one-that-takes-it", test_to_the_one_that_takes_it },
    { "masks-are-each-threads", test_masks_are_each_threads },
    { "taken-when-unblocked", test_taken_when_unblocked },
    { "sigwait", test_sigwait },
    { "two-sigwaits", test_two_sigwaits },
    { "queued-to-a-thread", test_queued_to_a_thread },
    { "alternate-stacks", test_alternate_stacks },
    { "timer-of-the-process", test_timer },
    { "timers-of-cpu-time", test_timers_of_cpu_time },
    { "handler-mask", test_handler_mask },
};
const size_t delivery_test_count = COUNT_OF(delivery_tests);
