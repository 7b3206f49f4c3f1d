// Signals: storms of them between processes, queued ones that must all arrive in order, stops and
// continuations, timers.
#include "stress.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRIENDS 4
#define QUEUED 200

static volatile sig_atomic_t got_usr1, got_alarm;

static void count_usr1(int signal)
{
    got_usr1++;
}

static void count_alarm(int signal)
{
    got_alarm++;
}

static void handle(int signal, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigaction(signal, &action, NULL);
}

// Sleeps, computes and makes calls while signals come; a handler's frame must leave nothing behind.
static int be_signalled(struct slot *slot, void *argument)
{
    uint8_t bytes[256];
    handle(SIGUSR1, count_usr1);
    atomic_fetch_add((atomic_uint *)argument, 1);
    for (;;) {
        uint64_t seed = random_next(slot);
        double value = (double)(seed >> 40), half = value / 2;
        pattern_fill(bytes, sizeof(bytes), seed);
        if (seed % 4 == 0)
            sleep_ns(seed % 100000);
        CHECK(pattern_is(bytes, sizeof(bytes), seed));
        CHECK(half + half == value);
    }
}

int run_signals(struct slot *slot)
{
    pid_t friends[FRIENDS];
    atomic_uint *ready = shared_memory(4096);
    for (unsigned i = 0; i < FRIENDS; i++) {
        friends[i] = job_fork(slot, be_signalled, ready);
        CHECK(friends[i] > 0);
    }
    while (atomic_load(ready) < FRIENDS)
        sleep_ns(100000);
    while (goes_on(slot)) {
        CHECK(kill(friends[random_below(slot, FRIENDS)], SIGUSR1) == 0);
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    for (unsigned i = 0; i < FRIENDS; i++)
        CHECK(kill(friends[i], SIGKILL) == 0 && job_wait(friends[i], -SIGKILL));
    return 0;
}

// Sends numbers as values of a real-time signal; when the queue is full, again.
static int send_numbers(struct slot *slot, void *argument)
{
    pid_t parent = getppid();
    for (int i = 0; i < QUEUED; i++) {
        while (sigqueue(parent, SIGRTMIN + 1, (union sigval){ .sival_int = i }) != 0) {
            CHECK(errno == EAGAIN);
            sleep_ns(100000);
        }
    }
    return 0;
}

int run_queue(struct slot *slot)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN + 1);
    CHECK(sigprocmask(SIG_BLOCK, &wanted, NULL) == 0);
    while (goes_on(slot)) {
        pid_t sender = job_fork(slot, send_numbers, NULL);
        CHECK(sender > 0);
        for (int i = 0; i < QUEUED; i++) {
            siginfo_t info;
            struct timespec patience = { 60, 0 };
            int signal;
            while ((signal = sigtimedwait(&wanted, &info, &patience)) < 0 && errno == EINTR)
                ;
            CHECK(signal == SIGRTMIN + 1);
            CHECK(info.si_value.sival_int == i && info.si_pid == sender);
            atomic_fetch_add(&slot->amount, 1);
            advance(slot);
        }
        CHECK(job_wait(sender, 0));
    }
    return 0;
}

static int count_on(struct slot *slot, void *argument)
{
    for (atomic_uint *counter = argument;; atomic_fetch_add(counter, 1))
        if (random_below(slot, 8) == 0)
            sleep_ns(10000);
}

// Stopped, it does not count; continued, it does.
int run_stops(struct slot *slot)
{
    atomic_uint *counter = shared_memory(4096);
    pid_t child = job_fork(slot, count_on, counter);
    int status;
    CHECK(child > 0);
    while (goes_on(slot)) {
        CHECK(kill(child, SIGSTOP) == 0);
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        unsigned before = atomic_load(counter);
        sleep_ns(random_below(slot, 300000));
        CHECK(atomic_load(counter) == before);
        CHECK(kill(child, SIGCONT) == 0);
        CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
        while (atomic_load(counter) == before)
            sleep_ns(20000);
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    CHECK(kill(child, SIGSTOP) == 0 && kill(child, SIGKILL) == 0);
    CHECK(job_wait(child, -SIGKILL));
    return 0;
}

// An interval timer interrupts sleeps, none of which may end early. Its interval is long beside the
// handling of a signal on the slowest of machines, or nothing else would get done.
int run_timers(struct slot *slot)
{
    struct itimerval often = { { 0, 15000 }, { 0, 3000 } }, never = { 0 };
    handle(SIGALRM, count_alarm);
    while (goes_on(slot)) {
        sig_atomic_t before = got_alarm;
        CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
        for (unsigned i = 0; i < 20; i++) {
            uint64_t duration_ns = random_below(slot, 2000000), start_ns = clock_ns();
            sleep_ns(duration_ns);
            CHECK(clock_ns() >= start_ns + duration_ns);
            advance(slot);
        }
        uint64_t start_ns = clock_ns();
        while (got_alarm == before)
            CHECK(clock_ns() < start_ns + 60000 * MILLISECONDS);
        CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
        atomic_fetch_add(&slot->amount, (unsigned)(got_alarm - before));
        advance(slot);
    }
    return 0;
}
