// The mask that a call has for its own time, when a stop comes in between; what a stop costs.
#include "check.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define LOOKS 200

static volatile int *handled; // shared with the child

static void count_handled(int signal, siginfo_t *info, void *argument)
{
    (*handled)++;
}

static bool stop_and_continue(pid_t child)
{
    int status;
    EXPECT(kill(child, SIGSTOP) == 0);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    EXPECT(kill(child, SIGCONT) == 0);
    return true;
}

static int change_mask_after_a_call(void *argument)
{
    sigset_t none, mask;
    sigemptyset(&none);
    if (ppoll(NULL, 0, &(struct timespec){ 0, 1 * MILLISECONDS }, &none) != 0)
        return 1;
    block(SIGUSR2);
    kill(getpid(), SIGSTOP); // raise() would put the mask back itself
    sigprocmask(SIG_SETMASK, NULL, &mask);
    return sigismember(&mask, SIGUSR2) ? 0 : 2;
}

// What a call of long ago put aside does not come back with the next stop.
static bool masks_come_back_once(void)
{
    int status;
    pid_t child = child_start(change_mask_after_a_call, NULL);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    EXPECT(child_wait(child) == 0);
    return true;
}

static int suspend_without(void *argument)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    handle_on(SIGUSR1, count_handled, 0);
    record_on(SIGUSR2, 0);
    return sigsuspend(&mask) == -1 && seen_signal == SIGUSR2 ? 0 : 1;
}

// The stop gives the mask of before back for a moment: what that lets in is handled, and then the
// call goes on.
static bool stops_let_in_what_the_mask_of_before_lets_in(void)
{
    handled = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = child_start(suspend_without, NULL);
    sleep_ns(20 * MILLISECONDS);
    kill(child, SIGUSR1);
    EXPECT(stop_and_continue(child));
    for (int i = 0; i < LOOKS && *handled == 0; i++)
        sleep_ns(5 * MILLISECONDS);
    EXPECT(*handled == 1);
    kill(child, SIGUSR2);
    EXPECT(child_wait(child) == 0);
    EXPECT(*handled == 1);
    return true;
}

static uint64_t clock_of(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int stop(void *argument)
{
    raise(SIGSTOP);
    return 0;
}

static bool who_is_stopped_computes_nothing(void)
{
    int status;
    clockid_t clock;
    pid_t child = child_start(stop, NULL);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    sleep_ns(5 * MILLISECONDS); // it is told of before it sleeps
    EXPECT(clock_getcpuclockid(child, &clock) == 0);
    uint64_t before = clock_of(clock);
    sleep_ns(20 * MILLISECONDS);
    EXPECT(before > 0 && clock_of(clock) == before);
    kill(child, SIGCONT);
    EXPECT(child_wait(child) == 0);
    return true;
}

const struct test mask_tests[] = {
    { "masks_come_back_once", masks_come_back_once },
    { "stops_let_in_what_the_mask_of_before_lets_in",
      stops_let_in_what_the_mask_of_before_lets_in },
    { "who_is_stopped_computes_nothing", who_is_stopped_computes_nothing },
};
const size_t mask_test_count = COUNT_OF(mask_tests);
