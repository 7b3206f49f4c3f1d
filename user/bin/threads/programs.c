// execve, fork and vfork in processes of several threads; what the threads share.
#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int ready;

static void *spin_for_ever(void *argument)
{
    ready++;
    for (;;)
        __asm__ volatile("pause");
}

static void *sleep_for_ever(void *argument)
{
    ready++;
    for (;;)
        pause();
}

static void *execute(void *argument)
{
    char pid[16];
    await(&ready, 3);
    snprintf(pid, sizeof(pid), "%d", getpid());
    program_become((char *[]){ "/proc/self/exe", "--become", pid, NULL });
}

static int execute_in_thread(void *argument)
{
    thread_begin(spin_for_ever, NULL);
    thread_begin(sleep_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    thread_begin(execute, NULL);
    for (;;)
        pause();
}

static bool test_exec_in_a_thread(void)
{
    int status = child_run(execute_in_thread, NULL);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    return true;
}

static int execute_in_first(void *argument)
{
    thread_begin(spin_for_ever, NULL);
    thread_begin(sleep_for_ever, NULL);
    thread_begin(spin_for_ever, NULL);
    execute(NULL);
    return 1;
}

static bool test_exec_in_the_first(void)
{
    int status = child_run(execute_in_first, NULL);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    return true;
}

static int execute_in_many(void *argument)
{
    for (int i = 0; i < 4; i++)
        thread_begin(execute, NULL);
    ready = 3;
    for (;;)
        pause();
}

static bool test_exec_in_many(void)
{
    for (int i = 0; i < 5; i++) {
        int status = child_run(execute_in_many, NULL);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 17);
    }
    return true;
}

static void do_nothing(int signal)
{
}

static void *signal_and_execute(void *argument)
{
    await(&ready, 1);
    if (kill(getpid(), SIGTERM) != 0)
        return NULL;
    program_become((char *[]){ "/proc/self/exe", "--sleep", NULL });
}

// The first thread is told of the signal, and of the other's execve, while it waits in vfork; its
// child ends with it.
static int execute_after_a_signal(void *argument)
{
    signal(SIGTERM, do_nothing);
    thread_begin(signal_and_execute, NULL);
    pid_t parent = getpid();
    if (vfork() == 0) {
        ready = 1;
        while (getppid() == parent)
            sched_yield();
        _exit(0);
    }
    return 1;
}

// What an ended thread was told of goes to the one that remains, which has no handler any more.
static bool test_exec_after_a_signal(void)
{
    int status = child_run(execute_after_a_signal, NULL);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    return true;
}

static bool test_exec_that_fails(void)
{
    char *const arguments[] = { "nothing", NULL };
    pthread_t thread = thread_begin(sleep_for_ever, NULL);
    await(&ready, 1);
    EXPECT_ERROR(execve("/nothing-here", arguments, NULL), ENOENT);
    EXPECT(pthread_kill(thread, 0) == 0); // the others are still there
    return true;
}

static int check_alone(void)
{
    int threads = 0;
    for (pid_t tid = getpid(); tid < getpid() + 20; tid++)
        threads += thread_state(tid) != '?';
    return own_tid() == getpid() && threads == 1 ? 0 : 1;
}

// Not by child_run: a thread that is in fflush holds stdout's lock, and a child has it for ever.
static void *fork_often(void *argument)
{
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(check_alone());
        if (child < 0 || child_wait(child) != 0)
            return "a child was not alone";
    }
    return NULL;
}

static bool test_fork_in_threads(void)
{
    pthread_t threads[3];
    thread_begin(spin_for_ever, NULL);
    for (int i = 0; i < 3; i++)
        threads[i] = thread_begin(fork_often, NULL);
    for (int i = 0; i < 3; i++)
        EXPECT(thread_join(threads[i]) == NULL);
    return true;
}

static void *vfork_once(void *argument)
{
    pid_t child = vfork();
    if (child == 0)
        _exit(3);
    int status = child_wait(child);
    return (void *)(intptr_t)(WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

// Sends what ends the process, and ignores it as soon as the first thread may have seen it.
static void *kill_and_ignore(void *argument)
{
    await(&ready, 1);
    for (int delay = 0;; delay += 10) {
        signal(SIGTERM, SIG_DFL);
        kill(getpid(), SIGTERM);
        for (volatile int i = 0; i < delay; i++)
            ;
        signal(SIGTERM, SIG_IGN);
    }
}

static int vfork_and_be_killed(void *argument)
{
    thread_begin(kill_and_ignore, NULL);
    pid_t parent = getpid();
    if (vfork() == 0) {
        ready = 1;
        while (getppid() == parent)
            sleep_ns(MILLISECONDS);
        _exit(0);
    }
    return 1; // while the child has not ended
}

// Who leaves vfork for a signal dies of it, whatever the others do to its action meanwhile.
static bool test_death_in_vfork(void)
{
    for (int round = 0; round < 200; round++) {
        int status = child_run(vfork_and_be_killed, NULL);
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    }
    return true;
}

static atomic_int goes_on;

static void *count_up(void *argument)
{
    while (goes_on < 1000000)
        goes_on++;
    return NULL;
}

static bool test_vfork_in_threads(void)
{
    pthread_t counter = thread_begin(count_up, NULL);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = thread_begin(vfork_once, NULL);
    for (int i = 0; i < 4; i++)
        EXPECT(thread_join(threads[i]) == (void *)1);
    thread_join(counter);
    return true;
}

static void *change_what_is_shared(void *argument)
{
    struct rlimit limit = { 100, 100 };
    int *descriptor = argument;
    umask(0123);
    setrlimit(RLIMIT_NOFILE, &limit);
    *descriptor = open("/", O_RDONLY | O_DIRECTORY);
    return (void *)(intptr_t)(chdir("/proc") == 0);
}

static bool test_what_is_shared(void)
{
    char directory[64];
    struct rlimit limit;
    int descriptor;
    EXPECT(thread_join(thread_begin(change_what_is_shared, &descriptor)) == (void *)1);
    EXPECT(getcwd(directory, sizeof(directory)) && directory[1] == 'p');
    EXPECT(umask(022) == 0123);
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100);
    EXPECT(fcntl(descriptor, F_GETFD) == 0 && close(descriptor) == 0);
    return true;
}

// One opens and closes, others read and write through descriptors that come and go.
static atomic_int done;

static void *use_descriptors(void *argument)
{
    char byte;
    while (!done) {
        for (int i = 3; i < 12; i++) {
            (void)!read(i, &byte, 1);
            (void)!write(i, "x", 1);
        }
        sched_yield();
    }
    return NULL;
}

static bool test_descriptors_come_and_go(void)
{
    pthread_t users[2];
    for (int i = 0; i < 2; i++)
        users[i] = thread_begin(use_descriptors, NULL);
    for (int i = 0; i < 60; i++) {
        int file = open("/dev/null", O_RDWR), again = dup(file), other = open("/dev/zero", O_RDWR);
        EXPECT(file >= 0 && again >= 0 && other >= 0);
        EXPECT(dup2(other, file) == file && close(file) == 0);
        if (i % 10 == 0)
            sched_yield();
        EXPECT(close(again) == 0 && close(other) == 0);
    }
    done = 1;
    for (int i = 0; i < 2; i++)
        thread_join(users[i]);
    return true;
}

static int fill_with_threads(void *argument)
{
    struct rlimit limit = { 30, 30 };
    pthread_t thread;
    int made = 0;
    if (setrlimit(RLIMIT_NPROC, &limit) != 0)
        return 1;
    while (made < 40 && pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0)
        made++;
    return made < 30 || geteuid() == 0 ? 0 : 1; // root is not held to it on Linux
}

static bool test_limit(void)
{
    EXPECT(child_run(fill_with_threads, NULL) == 0);
    return true;
}

const struct test program_tests[] = {
    { "exec-in-a-thread", test_exec_in_a_thread },
    { "exec-in-the-first", test_exec_in_the_first },
    { "exec-in-many", test_exec_in_many },
    { "exec-after-a-signal", test_exec_after_a_signal },
    { "exec-that-fails", test_exec_that_fails },
    { "fork-in-threads", test_fork_in_threads },
    { "vfork-in-threads", test_vfork_in_threads },
    { "death-in-vfork", test_death_in_vfork },
    { "what-is-shared", test_what_is_shared },
    { "descriptors-come-and-go", test_descriptors_come_and_go },
    { "limit-of-threads", test_limit },
};
const size_t program_test_count = COUNT_OF(program_tests);
