// Processes: fork, vfork, exit, wait in all its forms, orphans, kill and its addresses.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_with(void *code)
{
    return (int)(intptr_t)code;
}

static int sleep_on(void *unused)
{
    for (;;)
        sleep_ns(1000000000);
}

static bool test_exit_status(void)
{
    EXPECT(child_run(exit_with, (void *)0) == 0);
    EXPECT(child_run(exit_with, (void *)7) == 0x0700);
    EXPECT(child_run(exit_with, (void *)263) == 0x0700);
    EXPECT(child_run(exit_with, (void *)-1) == 0xff00);
    pid_t pid = fork();
    if (pid == 0)
        syscall(SYS_exit, 9); // the last thread's exit ends the process
    EXPECT(child_wait(pid) == 0x0900);
    return true;
}

static bool test_identities(void)
{
    pid_t me = getpid();
    int ends[2];
    pid_t told[3];
    EXPECT(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        pid_t ids[3] = { getpid(), getppid(), (pid_t)syscall(SYS_gettid) };
        _exit(write(ends[1], ids, sizeof(ids)) != sizeof(ids));
    }
    EXPECT(child_wait(pid) == 0 && read(ends[0], told, sizeof(told)) == sizeof(told));
    EXPECT(told[0] == pid && told[1] == me && told[2] == pid);
    EXPECT(getpid() == me && syscall(SYS_gettid) == me);
    return true;
}

static bool test_wait_forms(void)
{
    int status;
    struct rusage usage;
    EXPECT_ERROR(waitpid(-1, &status, 0), ECHILD);
    EXPECT_ERROR(waitpid(getpid(), &status, 0), ECHILD);
    pid_t first = child_start(sleep_on, NULL), second = child_start(exit_with, (void *)5);
    EXPECT(waitpid(first, &status, WNOHANG) == 0);
    EXPECT(waitpid(-1, &status, 0) == second && status == 0x0500);
    EXPECT_ERROR(waitpid(second, &status, 0), ECHILD);
    EXPECT_ERROR(waitpid(first, &status, 0x1000), EINVAL);
    EXPECT(kill(first, SIGTERM) == 0);
    EXPECT(wait4(0, &status, 0, &usage) == first && status == SIGTERM);
    EXPECT_ERROR(waitpid(-1, &status, WNOHANG), ECHILD);
    return true;
}

// A zombie can be sent signals and waited for, once; its number stays taken until then.
static bool test_zombie(void)
{
    siginfo_t info;
    pid_t pid = child_start(exit_with, (void *)3);
    EXPECT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    EXPECT(kill(pid, 0) == 0 && kill(pid, SIGKILL) == 0);
    EXPECT(child_wait(pid) == 0x0300); // the signal came too late to matter
    EXPECT_ERROR(kill(pid, 0), ESRCH);
    return true;
}

static bool test_kill(void)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGALRM, SIGTERM, 40, 64 };
    static const int harmless[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        pid_t pid = child_start(sleep_on, NULL);
        EXPECT(kill(pid, signals[i]) == 0 && child_wait(pid) == signals[i]);
    }
    pid_t pid = child_start(sleep_on, NULL);
    for (size_t i = 0; i < COUNT_OF(harmless); i++)
        EXPECT(kill(pid, harmless[i]) == 0);
    sleep_ns(2000000);
    EXPECT(waitpid(pid, NULL, WNOHANG) == 0);
    EXPECT_ERROR(kill(pid, 65), EINVAL);
    EXPECT_ERROR(kill(pid, -1), EINVAL);
    EXPECT_ERROR(kill(0x3fffffff, 0), ESRCH);
    EXPECT(kill(pid, SIGQUIT) == 0 && (child_wait(pid) & 0x7f) == SIGQUIT);
    return true;
}

static int kill_self(void *unused)
{
    kill(getpid(), SIGTERM);
    return 1; // never reached: the signal arrives before kill returns
}

static bool test_kill_self(void)
{
    return child_run(kill_self, NULL) == SIGTERM;
}

static int report_parent(void *argument)
{
    int *ends = argument;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        while (getppid() == parent)
            sleep_ns(1000000);
        pid_t now = getppid();
        _exit(write(ends[1], &now, sizeof(now)) != sizeof(now));
    }
    return 0;
}

// An orphan is given to a living ancestor, in the end to init, and never to its grandparent.
static bool test_orphan(void)
{
    int ends[2];
    pid_t adopted;
    EXPECT(pipe(ends) == 0);
    pid_t pid = child_start(report_parent, ends);
    EXPECT(child_wait(pid) == 0);
    EXPECT(read(ends[0], &adopted, sizeof(adopted)) == sizeof(adopted));
    EXPECT(adopted != pid && adopted != getpid());
    EXPECT_ERROR(waitpid(-1, NULL, 0), ECHILD);
    return true;
}

static volatile int vfork_mark;

// vfork: the parent stands still while the child works on its memory.
static bool test_vfork(void)
{
    vfork_mark = 1;
    pid_t pid = vfork();
    if (pid == 0) {
        sleep_ns(3000000);
        vfork_mark = 2;
        _exit(4);
    }
    EXPECT(vfork_mark == 2);
    EXPECT(child_wait(pid) == 0x0400);
    return true;
}

static bool test_clone_identities(void)
{
    static int in_child = 0, in_parent = 0;
    const long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, &in_parent, &in_child, 0);
    if (pid == 0)
        _exit(in_child != getpid());
    EXPECT(in_parent == pid && in_child == 0); // the child's word is the child's copy
    EXPECT(child_wait(pid) == 0);
    EXPECT_ERROR(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
    return true;
}

static bool test_affinity(void)
{
    uint64_t mask[2] = { 0 }, none = 0;
    EXPECT(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) >= 8 && (mask[0] & 1));
    EXPECT_ERROR(syscall(SYS_sched_getaffinity, 0, 3, mask), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_setaffinity, 0, 8, &none), EINVAL);
    mask[0] = 1;
    EXPECT(syscall(SYS_sched_setaffinity, 0, 8, mask) == 0);
    mask[0] = 0;
    EXPECT(syscall(SYS_sched_getaffinity, getpid(), 16, mask) >= 8 && mask[0] == 1);
    EXPECT_ERROR(syscall(SYS_sched_getaffinity, 0x3fffffff, 16, mask), ESRCH);
    EXPECT(sched_yield() == 0);
    return true;
}

// Everything at once: a hundred children alive together.
static bool test_many_children(void)
{
    pid_t pids[100];
    for (size_t i = 0; i < COUNT_OF(pids); i++)
        pids[i] = child_start(sleep_on, NULL);
    for (size_t i = 0; i < COUNT_OF(pids); i++)
        EXPECT(kill(pids[i], SIGKILL) == 0);
    for (size_t i = 0; i < COUNT_OF(pids); i++)
        EXPECT(child_wait(pids[i]) == SIGKILL);
    return true;
}

static pid_t clone_silently(bool executes)
{
    pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, NULL, NULL, 0);
    if (pid == 0 && executes)
        execl("/bin/true", "true", NULL);
    if (pid == 0)
        _exit(3);
    return pid;
}

// Children whose ends no SIGCHLD tells are waited for only by who asks for them.
static bool test_silent_children(void)
{
    int status;
    pid_t child = clone_silently(false);
    EXPECT_ERROR(waitpid(child, &status, 0), ECHILD);
    EXPECT(waitpid(child, &status, __WALL) == child && WEXITSTATUS(status) == 3);
    child = clone_silently(false);
    EXPECT(waitpid(child, &status, __WCLONE) == child && WEXITSTATUS(status) == 3);
    child = fork();
    if (child == 0)
        _exit(0);
    EXPECT_ERROR(waitpid(child, &status, __WCLONE), ECHILD);
    EXPECT(waitpid(child, &status, 0) == child);
    child = clone_silently(true); // from execve on it is like any other
    while (waitpid(child, &status, 0) != child)
        EXPECT(errno == ECHILD && kill(child, 0) == 0);
    EXPECT(status == 0);
    return true;
}

const struct test process_tests[] = {
    { "exit-status", test_exit_status },
    { "process-identities", test_identities },
    { "wait-forms", test_wait_forms },
    { "zombie", test_zombie },
    { "kill", test_kill },
    { "kill-self", test_kill_self },
    { "orphan", test_orphan },
    { "vfork", test_vfork },
    { "clone-identities", test_clone_identities },
    { "affinity", test_affinity },
    { "many-children", test_many_children },
    { "silent-children", test_silent_children },
};
const size_t process_test_count = COUNT_OF(process_tests);
