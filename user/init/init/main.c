// The first process: /sbin/init. With words after `--` on the kernel command line it runs them in
// order and switches the machine off; without words there is a shell on the console.
//   PROG[,ARG...]          runs; init waits and says how it ended
//   service:PROG[,ARG...]  runs beside the others and is started again when it dies; five deaths in
//                          quick succession and it is given up
// `init: done` says that every program exited 0, `init: done, N failed` that some did not.
// SIGUSR1 halts, SIGUSR2 powers off, SIGTERM and SIGINT (Ctrl-Alt-Del) restart, as in busybox.
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

bool children_collect(void)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return pid == 0;
        if (!jobs_take_child(pid, status))
            session_take_child(pid); // or an orphan, which nobody asks about
    }
}

static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

void signals_release(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Sleeps until something must be done: a child ended, or the machine is to end.
static void wait_for_event(void)
{
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGUSR1);
    sigaddset(&awaited, SIGUSR2);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    switch (sigwaitinfo(&awaited, NULL)) {
    case SIGUSR1:
        machine_end(ENDING_HALT);
    case SIGUSR2:
        machine_end(ENDING_POWER_OFF);
    case SIGTERM:
    case SIGINT:
        machine_end(ENDING_RESTART);
    default:
        break;
    }
}

static void set_environment(void)
{
    setenv("HOME", "/root", 1);
    setenv("USER", "root", 1);
    setenv("LOGNAME", "root", 1);
    setenv("SHELL", "/bin/sh", 1);
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

static void run_jobs(void)
{
    while (jobs_advance()) {
        wait_for_event();
        children_collect();
    }
    if (jobs_failed() > 0)
        printf("init: done, %u failed\n", jobs_failed());
    else
        printf("init: done\n");
}

static void run_sessions(void)
{
    while (session_advance()) {
        wait_for_event();
        children_collect();
    }
    printf("init: the shell dies at once, again and again\n");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (getpid() != 1) {
        dprintf(2, "init: only the kernel starts me; poweroff, reboot and halt end the machine\n");
        return 1;
    }
    block_signals();
    set_environment();
    console_remember();
    reboot(RB_DISABLE_CAD); // Ctrl-Alt-Del comes here
    for (int i = 1; i < argc; i++)
        jobs_add(argv[i]);
    if (argc > 1)
        run_jobs();
    else
        run_sessions();
    machine_end(ENDING_POWER_OFF);
}
