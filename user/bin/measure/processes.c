// The rows about the lives of processes, and the helpers of the other rows. Called through rows.c.
// fork is the call alone: what a C library does around it in user mode is not measured.
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

#define MINIMAL_PROGRAM "minimal"

static char program[PATH_MAX];
static char *program_arguments[] = { program, NULL };
static char *no_environment[] = { NULL };

static pid_t measurer;

pid_t helper_start(void (*body)(void *), void *argument)
{
    measurer = getpid();
    pid_t pid = fork();
    if (pid < 0)
        row_failed("fork");
    if (pid != 0)
        return pid;
    timing_marked = false;
    prctl(PR_SET_PDEATHSIG, SIGKILL); // not everywhere
    body(argument);
    _exit(0);
}

bool helper_is_orphan(void)
{
    return getppid() != measurer;
}

void helper_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void *memory_shared(unsigned long size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    row_failed("mmap");
    return NULL;
}

// The program beside this one, wherever that is.
void exec_prepare(const struct row *row)
{
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - sizeof(MINIMAL_PROGRAM));
    if (length < 0)
        length = 0;
    program[length] = '\0';
    char *name = strrchr(program, '/');
    strcpy(name ? name + 1 : program, MINIMAL_PROGRAM);
    if (access(program, X_OK) != 0)
        row_failed(program);
}

static bool reap(pid_t pid)
{
    int status;
    return pid > 0 && call4(SYS_wait4, pid, (long)&status, 0, 0) == pid && status == 0;
}

static bool life_ended_at_once(void)
{
    long pid = call0(SYS_fork);
    if (pid == 0)
        call1(SYS_exit_group, 0);
    return reap((pid_t)pid);
}

static bool life_of_program(void)
{
    long pid = call0(SYS_fork);
    if (pid == 0) {
        call3(SYS_execve, (long)program, (long)program_arguments, (long)no_environment);
        call1(SYS_exit_group, 127);
    }
    return reap((pid_t)pid);
}

static bool life_on_borrowed_memory(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        call3(SYS_execve, (long)program, (long)program_arguments, (long)no_environment);
        call1(SYS_exit_group, 127);
    }
    return reap(pid);
}

static uint64_t time_lives(long count, bool (*life)(void))
{
    bool good = true;
    uint64_t cycles = TIMED(count, good = life() && good);
    return good ? cycles : row_failed("a child did not start, or not end well");
}

uint64_t fork_exit(long count)
{
    return time_lives(count, life_ended_at_once);
}

uint64_t fork_exec(long count)
{
    return time_lives(count, life_of_program);
}

uint64_t vfork_exec(long count)
{
    return time_lives(count, life_on_borrowed_memory);
}
