// Threads as C libraries make and use them, and what Linux promises below them: numbers, signals,
// ends, futexes. Runs unchanged on Linux, against musl and glibc, which is how the expectations
// were checked. Each test is a process; `ok NAME` or `BAD NAME`. Exits 1 if any was bad. threads
// [NAME]
#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct test_group groups[] = {
    { life_tests, &life_test_count },         { lock_tests, &lock_test_count },
    { meeting_tests, &meeting_test_count },   { cancel_tests, &cancel_test_count },
    { delivery_tests, &delivery_test_count }, { futex_tests, &futex_test_count },
    { end_tests, &end_test_count },           { program_tests, &program_test_count },
    { proc_tests, &proc_test_count },         { clone_tests, &clone_test_count },
    { robust_tests, &robust_test_count },     { affinity_tests, &affinity_test_count },
};

pthread_t thread_begin(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, body, argument);
    if (errno != 0)
        fail("pthread_create");
    return thread;
}

void *thread_join(pthread_t thread)
{
    void *value;
    errno = pthread_join(thread, &value);
    if (errno != 0)
        fail("pthread_join");
    return value;
}

void await(atomic_int *flag, int value)
{
    while (atomic_load(flag) < value)
        sched_yield();
}

pid_t own_tid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

static char state_in(const char *path)
{
    char text[256] = "";
    int file = open(path, O_RDONLY);
    if (file < 0)
        return '?';
    ssize_t length = read(file, text, sizeof(text) - 1);
    close(file);
    const char *name_end = length > 0 ? strrchr(text, ')') : NULL;
    return name_end ? name_end[2] : '?';
}

char thread_state(pid_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    return state_in(path);
}

void await_sleep(pid_t tid)
{
    while (thread_state(tid) != 'S')
        sched_yield();
}

void await_sleep_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    while (state_in(path) != 'S')
        sched_yield();
}

struct timespec moment_after(clockid_t clock, uint64_t duration_ns)
{
    struct timespec now;
    clock_gettime(clock, &now);
    uint64_t ns = (uint64_t)now.tv_nsec + duration_ns;
    now.tv_sec += (time_t)(ns / 1000000000);
    now.tv_nsec = (long)(ns % 1000000000);
    return now;
}

void *shared_page(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        fail("mmap");
    return page;
}

// robust_tests executes this program: it ends with the byte that it reads.
static int read_end(void)
{
    unsigned char byte = 0;
    return read(0, &byte, 1) == 1 ? byte : 0;
}

// program_tests executes this program: it says whether it is the process and alone.
static int become(const char *pid)
{
    bool good = getpid() == atoi(pid) && own_tid() == getpid();
    if (thread_state(own_tid()) == 'R' && good)
        return 17;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--become") == 0)
        return become(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--sleep") == 0)
        return (int)sleep(1);
    if (argc == 2 && strcmp(argv[1], "--read") == 0)
        return read_end();
    unsigned bad = suite_run("threads", groups, COUNT_OF(groups), argv[1], NULL);
    return bad != 0;
}
