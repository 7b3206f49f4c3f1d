// Waiting for several things: select, pselect6, waitid.
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool test_select(void)
{
    int ends[2];
    fd_set reads, writes;
    struct timeval none = { 0 }, odd = { 0, 2000000 }, negative = { -1, 0 };
    EXPECT(pipe(ends) == 0);
    int limit = ends[1] + 1;
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(ends[0], &reads);
    FD_SET(ends[1], &writes);
    FD_SET(limit, &writes); // beyond: not looked at, and not in the answer
    EXPECT(select(limit, &reads, &writes, NULL, &none) == 1);
    EXPECT(!FD_ISSET(ends[0], &reads) && FD_ISSET(ends[1], &writes) && !FD_ISSET(limit, &writes));
    EXPECT(write(ends[1], "x", 1) == 1);
    FD_SET(ends[0], &reads);
    EXPECT(select(limit, &reads, &writes, NULL, &odd) == 2);
    EXPECT(FD_ISSET(ends[0], &reads) && odd.tv_sec <= 2);
    EXPECT_ERROR(select(-1, NULL, NULL, NULL, &none), EINVAL);
    EXPECT_ERROR(select(limit, &reads, NULL, NULL, &negative), EINVAL);
    EXPECT_ERROR(syscall(SYS_select, limit, 8, NULL, NULL, &none), EFAULT);
    EXPECT(select(0, NULL, NULL, NULL, &none) == 0);
    close(ends[1]);
    EXPECT(read(ends[0], &limit, 1) == 1);
    EXPECT(select(ends[0] + 1, &reads, NULL, NULL, NULL) == 1); // the end can be read
    close(ends[0]);
    EXPECT_ERROR(select(ends[0] + 1, &reads, NULL, NULL, &none), EBADF);
    return true;
}

static int write_later(void *end)
{
    sleep_ns(30000000);
    return write((int)(intptr_t)end, "y", 1) != 1;
}

static void note_signal(int signal)
{
}

static bool test_pselect(void)
{
    int ends[2];
    fd_set reads;
    sigset_t none, alarms;
    struct timespec short_time = { 0, 20000000 };
    struct sigaction action = { .sa_handler = note_signal };
    EXPECT(pipe(ends) == 0);
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    EXPECT(pselect(ends[0] + 1, &reads, NULL, NULL, &short_time, NULL) == 0);
    EXPECT(!FD_ISSET(ends[0], &reads));
    pid_t child = child_start(write_later, (void *)(intptr_t)ends[1]);
    FD_SET(ends[0], &reads);
    EXPECT(pselect(ends[0] + 1, &reads, NULL, NULL, NULL, NULL) == 1);
    EXPECT(child_wait(child) == 0);
    sigemptyset(&none);
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGUSR1);
    sigaction(SIGUSR1, &action, NULL);
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    kill(getpid(), SIGUSR1);
    EXPECT_ERROR(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    EXPECT(sigismember(&now, SIGUSR1));
    return true;
}

static int exit_with(void *code)
{
    return (int)(intptr_t)code;
}

// Stops; once continued, stays until the other end of the pipe is closed.
static int stop_and_stay(void *ends_pointer)
{
    int *ends = ends_pointer;
    char nothing;
    close(ends[1]);
    raise(SIGSTOP);
    return (int)read(ends[0], &nothing, 1);
}

static bool test_waitid(void)
{
    siginfo_t info;
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t child = child_start(exit_with, (void *)7);
    memset(&info, 0x55, sizeof(info));
    EXPECT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0);
    EXPECT(info.si_signo == SIGCHLD && info.si_code == CLD_EXITED && info.si_status == 7);
    EXPECT(info.si_pid == child && info.si_uid == 0 && info.si_errno == 0);
    EXPECT_ERROR(waitid(P_PID, (id_t)child, &info, WSTOPPED | WCONTINUED), ECHILD);
    EXPECT(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == child);
    EXPECT_ERROR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    child = child_start(stop_and_stay, ends);
    EXPECT(waitid(P_PGID, (id_t)getpgrp(), &info, WSTOPPED) == 0);
    EXPECT(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == child);
    EXPECT(waitid(P_PID, (id_t)child, &info, WEXITED | WSTOPPED | WNOHANG) == 0);
    EXPECT(info.si_pid == 0 && info.si_signo == 0);
    EXPECT(kill(child, SIGCONT) == 0);
    EXPECT(waitid(P_PID, (id_t)child, &info, WCONTINUED) == 0);
    EXPECT(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    close(ends[1]);
    EXPECT_ERROR(waitid(P_PID, (id_t)child, &info, WCONTINUED), ECHILD); // it ends meanwhile
    EXPECT(syscall(SYS_waitid, P_PID, child, NULL, WEXITED, NULL) == 0);
    return true;
}

static int end_by_signal(void *unused)
{
    kill(getpid(), SIGTERM);
    return 0;
}

static bool test_waitid_edges(void)
{
    siginfo_t info;
    pid_t child = child_start(end_by_signal, NULL);
    EXPECT(waitid(P_PID, (id_t)child, &info, WEXITED) == 0);
    EXPECT(info.si_code == CLD_KILLED && info.si_status == SIGTERM);
    EXPECT_ERROR(waitid(P_ALL, 0, &info, 0), EINVAL);
    EXPECT_ERROR(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
    EXPECT_ERROR(waitid(P_ALL, 0, &info, WEXITED | 0x100), EINVAL);
    EXPECT_ERROR(waitid((idtype_t)9, 0, &info, WEXITED), EINVAL);
    EXPECT_ERROR(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    EXPECT_ERROR(syscall(SYS_waitid, P_PID, -1, &info, WEXITED, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_waitid, P_PGID, -1, &info, WEXITED, NULL), EINVAL);
    child = child_start(exit_with, (void *)1);
    EXPECT_ERROR(syscall(SYS_waitid, P_PID, child, 8, WEXITED, NULL), EFAULT);
    return true;
}

const struct test waiting_tests[] = {
    { "select", test_select },
    { "pselect", test_pselect },
    { "waitid", test_waitid },
    { "waitid-edges", test_waitid_edges },
};
const size_t waiting_test_count = COUNT_OF(waiting_tests);
