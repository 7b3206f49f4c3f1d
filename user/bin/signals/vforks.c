// A parent that waits for its vfork()ed child: what ends it ends its waiting, and nothing else
// does.
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

#define LOOKS 100
#define BORROWED 8192u

static int ends[2];
static volatile bool late;

// In the child, which has the parent's memory: is the parent gone before this ends?
static void tell_whether_orphaned(pid_t parent)
{
    char verdict = 'w';
    for (int i = 0; i < LOOKS && verdict == 'w'; i++) {
        sleep_ns(20 * MILLISECONDS);
        if (getppid() != parent)
            verdict = 'd';
    }
    if (write(ends[1], &verdict, 1) != 1)
        _exit(1);
}

// The status of the parent; false: its child had to end first.
static bool parent_ends_first(int (*parent)(void *), void *argument, int *status)
{
    char verdict = 0;
    if (pipe(ends) != 0)
        fail("pipe");
    *status = child_run(parent, argument);
    bool first = read(ends[0], &verdict, 1) == 1 && verdict == 'd';
    close(ends[0]);
    close(ends[1]);
    return first;
}

static int signal_while_waiting(void *argument)
{
    pid_t self = getpid();
    int signal = *(const int *)argument;
    pid_t child = vfork();
    if (child == 0) {
        kill(self, signal);
        tell_whether_orphaned(self);
        _exit(0);
    }
    return 1;
}

static bool deadly_signals_end_a_vfork(void)
{
    int signals[] = { SIGHUP, SIGTERM, SIGKILL, SIGRTMAX }, status;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        EXPECT(parent_ends_first(signal_while_waiting, &signals[i], &status));
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
    }
    return true;
}

// Far enough below the parent's stack pointer for a handler's frame.
static __attribute__((noinline)) void guard_borrowed_stack(pid_t parent)
{
    volatile char guard[BORROWED];
    size_t changed = 0;
    for (size_t i = 0; i < BORROWED; i++)
        guard[i] = 0x5a;
    kill(parent, SIGUSR1);
    sleep_ns(20 * MILLISECONDS);
    kill(parent, SIGTERM);
    while (getppid() == parent)
        sleep_ns(MILLISECONDS);
    for (size_t i = 0; i < BORROWED; i++)
        changed += guard[i] != 0x5a;
    if (write(ends[1], changed == 0 ? "d" : "c", 1) != 1)
        _exit(1);
}

static int handle_while_waiting(void *unused)
{
    pid_t self = getpid();
    record_on(SIGUSR1, 0);
    pid_t child = vfork();
    if (child == 0) {
        guard_borrowed_stack(self);
        _exit(0);
    }
    return 1;
}

// A handler that was due before the deadly signal gets no frame on the stack that is lent.
static bool who_dies_leaves_the_borrowed_stack_alone(void)
{
    int status;
    EXPECT(parent_ends_first(handle_while_waiting, NULL, &status));
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    return true;
}

static void *end_all(void *argument)
{
    sleep_ns(20 * MILLISECONDS);
    _exit(5);
}

static void *execute(void *argument)
{
    sleep_ns(20 * MILLISECONDS);
    execl("/bin/busybox", "busybox", "true", NULL);
    return NULL;
}

static int thread_while_waiting(void *argument)
{
    pthread_t thread;
    pid_t self = getpid();
    if (pthread_create(&thread, NULL, argument, NULL) != 0)
        return 1;
    pid_t child = vfork();
    if (child == 0) {
        tell_whether_orphaned(self);
        _exit(0);
    }
    return 1;
}

static bool other_threads_end_a_vfork(void)
{
    int status;
    EXPECT(parent_ends_first(thread_while_waiting, (void *)end_all, &status));
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    EXPECT(parent_ends_first(thread_while_waiting, (void *)execute, &status) && status == 0);
    return true;
}

static bool harmless_signals_do_not_end_a_vfork(void)
{
    pid_t self = getpid();
    record_on(SIGUSR1, 0);
    signal(SIGUSR2, SIG_IGN);
    block(SIGTERM);
    pid_t child = vfork();
    if (child == 0) {
        kill(self, SIGWINCH);
        kill(self, SIGUSR2);
        kill(self, SIGTERM);
        sleep_ns(20 * MILLISECONDS);
        kill(self, SIGUSR1);
        sleep_ns(20 * MILLISECONDS);
        kill(self, SIGSTOP);
        sleep_ns(20 * MILLISECONDS);
        kill(self, SIGCONT);
        sleep_ns(20 * MILLISECONDS);
        late = true;
        _exit(0);
    }
    EXPECT(late && seen_count == 1);
    EXPECT(child_wait(child) == 0);
    return true;
}

const struct test vfork_tests[] = {
    { "deadly_signals_end_a_vfork", deadly_signals_end_a_vfork },
    { "who_dies_leaves_the_borrowed_stack_alone", who_dies_leaves_the_borrowed_stack_alone },
    { "other_threads_end_a_vfork", other_threads_end_a_vfork },
    { "harmless_signals_do_not_end_a_vfork", harmless_signals_do_not_end_a_vfork },
};
const size_t vfork_test_count = COUNT_OF(vfork_tests);
