// Time, pinning, child processes, argument parsing and messages: the small change of every program.
// Invariant: nothing here keeps state, so it is safe on both sides of fork.
#include "program.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sleep_ns(uint64_t duration_ns)
{
    struct timespec left = { (time_t)(duration_ns / 1000000000u),
                             (long)(duration_ns % 1000000000u) };
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

void pin_to_cpu(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        fail("sched_setaffinity");
}

_Noreturn void program_become(char *const argv[])
{
    execve(argv[0], argv, environ);
    int reason = errno;
    dprintf(2, "%s: %s\n", argv[0], strerror(reason));
    _exit(reason == ENOENT ? 127 : 126);
}

pid_t program_start(char *const argv[])
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        program_become(argv);
    return pid;
}

pid_t child_start(int (*body)(void *), void *argument)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        int value = body(argument);
        fflush(NULL);
        _exit(value);
    }
    return pid;
}

int child_wait(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR)
            fail("waitpid");
    return status;
}

int child_wait_limited(pid_t pid, uint64_t limit_ns, bool *timed_out)
{
    uint64_t deadline = clock_ns() + limit_ns;
    int status;
    *timed_out = false;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_ns() > deadline) {
            *timed_out = true;
            kill(pid, SIGKILL);
            return child_wait(pid);
        }
        sleep_ns(1000000);
    }
    return status;
}

int child_run(int (*body)(void *), void *argument)
{
    return child_wait(child_start(body, argument));
}

uint64_t duration_argument(const char *text)
{
    char *unit;
    uint64_t value = strtoull(text, &unit, 10);
    if (unit != text) {
        if (strcmp(unit, "s") == 0)
            return value * 1000000000u;
        if (strcmp(unit, "ms") == 0 || *unit == '\0')
            return value * 1000000u;
        if (strcmp(unit, "us") == 0)
            return value * 1000u;
    }
    dprintf(2, "'%s' is not a duration: 2s, 500ms, 30us\n", text);
    exit(2);
}

long number_argument(const char *text)
{
    char *end;
    long value = strtol(text, &end, 0);
    if (end == text || *end != '\0') {
        dprintf(2, "'%s' is not a number\n", text);
        exit(2);
    }
    return value;
}

_Noreturn void fail(const char *message)
{
    dprintf(2, "%s: %s: %s\n", program_invocation_short_name, message, strerror(errno));
    exit(1);
}
