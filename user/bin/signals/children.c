// SIGCHLD, and stopping and continuing.
#include "check.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static pid_t child_that_exits(int code)
{
    pid_t child = fork();
    if (child == 0)
        _exit(code);
    return child;
}

static void wait_for_signal(int count)
{
    sigset_t none;
    sigemptyset(&none);
    while (seen_count < count)
        sigsuspend(&none);
}

static bool sigchld_tells_how(void)
{
    record_on(SIGCHLD, 0);
    block(SIGCHLD);
    pid_t child = child_that_exits(9);
    wait_for_signal(1);
    EXPECT(seen_info.si_code == CLD_EXITED && seen_info.si_status == 9);
    EXPECT(seen_info.si_pid == child);
    child_wait(child);
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    kill(child, SIGSTOP);
    wait_for_signal(2);
    EXPECT(seen_info.si_code == CLD_STOPPED && seen_info.si_status == SIGSTOP);
    kill(child, SIGCONT);
    wait_for_signal(3);
    EXPECT(seen_info.si_code == CLD_CONTINUED && seen_info.si_status == SIGCONT);
    kill(child, SIGKILL);
    wait_for_signal(4);
    EXPECT(seen_info.si_code == CLD_KILLED && seen_info.si_status == SIGKILL);
    child_wait(child);
    return true;
}

static bool nocldstop_is_quiet(void)
{
    int status;
    record_on(SIGCHLD, SA_NOCLDSTOP | SA_RESTART);
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    kill(child, SIGSTOP);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    EXPECT(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    EXPECT(seen_count == 0);
    kill(child, SIGKILL);
    child_wait(child);
    EXPECT(seen_count == 1);
    return true;
}

static bool ignored_children_leave_no_zombie(void)
{
    signal(SIGCHLD, SIG_IGN);
    pid_t child = child_that_exits(0);
    EXPECT_ERROR(waitpid(child, NULL, 0), ECHILD); // and waits until it is gone
    EXPECT_ERROR(kill(child, 0), ESRCH);
    return true;
}

static bool nocldwait_leaves_no_zombie(void)
{
    record_on(SIGCHLD, SA_NOCLDWAIT | SA_RESTART);
    pid_t child = child_that_exits(0);
    EXPECT_ERROR(waitpid(child, NULL, 0), ECHILD);
    EXPECT(seen_count == 1);
    return true;
}

static bool stops_and_continuations_cancel(void)
{
    sigset_t pending;
    record_on(SIGCONT, 0);
    block(SIGCONT);
    block(SIGTSTP);
    raise(SIGCONT);
    EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGCONT));
    raise(SIGTSTP);
    EXPECT(sigpending(&pending) == 0);
    EXPECT(!sigismember(&pending, SIGCONT) && sigismember(&pending, SIGTSTP));
    raise(SIGCONT);
    EXPECT(sigpending(&pending) == 0 && !sigismember(&pending, SIGTSTP));
    unblock(SIGTSTP);
    unblock(SIGCONT);
    EXPECT(seen_count == 1);
    return true;
}

static bool continuing_runs_the_handler(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        record_on(SIGCONT, 0);
        raise(SIGSTOP);
        _exit(seen_count == 1 ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGUSR2); // waits until it goes on: then it is deadly, unless SIGKILL came first
    EXPECT(waitpid(child, &status, WNOHANG) == 0);
    kill(child, SIGKILL);
    EXPECT(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    child = fork();
    if (child == 0) {
        record_on(SIGCONT, 0);
        record_on(SIGTSTP, 0);
        raise(SIGTSTP);
        if (seen_count != 1)
            _exit(2);
        raise(SIGSTOP);
        _exit(seen_count == 2 ? 0 : 1);
    }
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    kill(child, SIGCONT);
    EXPECT(child_wait(child) == 0);
    return true;
}

static int raise_without_core(void *argument)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0); // where cores go to a pipe, the limit counts for nothing
    raise(*(int *)argument);
    return 0;
}

static bool deaths_claim_no_core(void)
{
    int signals[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
    record_on(SIGCHLD, SA_RESTART);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        EXPECT(child_run(raise_without_core, &signals[i]) == signals[i]);
        EXPECT(seen_info.si_code == CLD_KILLED && seen_info.si_status == signals[i]);
    }
    return true;
}

const struct test child_tests[] = {
    { "sigchld_tells_how", sigchld_tells_how },
    { "deaths_claim_no_core", deaths_claim_no_core },
    { "nocldstop_is_quiet", nocldstop_is_quiet },
    { "ignored_children_leave_no_zombie", ignored_children_leave_no_zombie },
    { "nocldwait_leaves_no_zombie", nocldwait_leaves_no_zombie },
    { "stops_and_continuations_cancel", stops_and_continuations_cancel },
    { "continuing_runs_the_handler", continuing_runs_the_handler },
};
const size_t child_test_count = COUNT_OF(child_tests);
