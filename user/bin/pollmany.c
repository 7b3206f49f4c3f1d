// Shows row 14 of kernel/README.md where poll() has much to wait for.
//   pollmany busy            one of many pipes is written and read for ever on another CPU: poll()
//                            keeps its deadline all the same, and can be killed
//   pollmany crowd THREADS   each names one pipe as often as it may; a byte wakes them all
#include "program.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define QUIET_PIPES 800
#define REQUEST_LIMIT 4096 // the hard limit of descriptors
#define WRITER_LIMIT 3
#define STACK_SIZE 65536
#define TIMEOUT_MS 1000
#define PATIENCE_MS 20000

static struct pollfd requests[REQUEST_LIMIT];

struct busy {
    int busy[2], report[2];
    int timeout_ms;
    int writer_cpu;
};

static void allow_descriptors(void)
{
    struct rlimit limit = { REQUEST_LIMIT, REQUEST_LIMIT };
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("setrlimit");
}

static int write_and_read(void *argument)
{
    const struct busy *busy = argument;
    char byte = 0;
    pin_to_cpu(busy->writer_cpu);
    for (;;) {
        if (write(busy->busy[1], &byte, 1) != 1 || read(busy->busy[0], &byte, 1) != 1)
            return 1;
    }
}

// Whoever has the other end of `report` sees when the wait begins, and that it has ended.
static int wait_for_many(void *argument)
{
    const struct busy *busy = argument;
    pin_to_cpu(0);
    if (write(busy->report[1], "b", 1) != 1)
        return 1;
    return poll(requests, REQUEST_LIMIT, busy->timeout_ms) != 0;
}

// The other end is closed, by whatever end of the child.
static bool has_ended(int report)
{
    struct pollfd request = { .fd = report };
    return poll(&request, 1, PATIENCE_MS) == 1;
}

// While it polls, it cannot be woken for the busy pipe, which it asks nothing of.
static int run_waiter(struct busy *busy, int signal, bool *ended)
{
    char byte;
    if (pipe(busy->report) != 0)
        fail("pipe");
    pid_t waiter = child_start(wait_for_many, busy);
    close(busy->report[1]);
    if (read(busy->report[0], &byte, 1) != 1)
        fail("the waiter has not begun");
    if (signal) {
        sleep_ns(100000000); // it polls by then, mostly
        kill(waiter, signal);
    }
    *ended = has_ended(busy->report[0]);
    close(busy->report[0]);
    return waiter;
}

static int poll_beside_busy_pipe(void)
{
    struct busy busy = { .timeout_ms = TIMEOUT_MS };
    bool in_time, killed;
    int cpu_count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int writer_count = cpu_count == 1                 ? 1
                       : cpu_count - 1 < WRITER_LIMIT ? cpu_count - 1
                                                      : WRITER_LIMIT;
    pid_t writers[WRITER_LIMIT];
    allow_descriptors();
    if (pipe(busy.busy) != 0)
        fail("pipe");
    requests[0].fd = busy.busy[0];
    for (int i = 1; i <= QUIET_PIPES; i++) {
        int ends[2];
        if (pipe(ends) != 0)
            fail("pipe");
        requests[i] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
    }
    for (int i = 1 + QUIET_PIPES; i < REQUEST_LIMIT; i++)
        requests[i] = requests[i - QUIET_PIPES];
    for (int i = 0; i < writer_count; i++) {
        busy.writer_cpu = (1 + i) % cpu_count;
        writers[i] = child_start(write_and_read, &busy);
    }
    pid_t first = run_waiter(&busy, 0, &in_time);
    busy.timeout_ms = -1;
    pid_t second = run_waiter(&busy, SIGKILL, &killed);
    for (int i = 0; i < writer_count; i++)
        kill(writers[i], SIGKILL); // who is caught in the wait gets out by this
    kill(second, SIGKILL);
    for (int i = 0; i < writer_count; i++)
        child_wait(writers[i]);
    int status = child_wait(first);
    child_wait(second);
    printf("pollmany: the deadline was %s, SIGKILL %s\n", in_time ? "kept" : "missed",
           killed ? "acted upon" : "ignored");
    return status != 0 || !in_time || !killed;
}

static int crowd_pipe[2];
static atomic_int woken;

static void *wait_in_crowd(void *argument)
{
    struct pollfd *own = calloc(REQUEST_LIMIT, sizeof(*own));
    atomic_int *tid = argument;
    if (!own)
        fail("calloc");
    for (int i = 0; i < REQUEST_LIMIT; i++)
        own[i] = (struct pollfd){ .fd = crowd_pipe[0], .events = POLLIN };
    *tid = (int)syscall(SYS_gettid);
    if (poll(own, REQUEST_LIMIT, -1) == REQUEST_LIMIT)
        woken++;
    free(own);
    return NULL;
}

static char thread_state(int tid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    FILE *file = fopen(path, "r");
    if (!file)
        return '?';
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *end = strrchr(text, ')');
    return end ? end[2] : '?';
}

static int wake_crowd(int count)
{
    static pthread_t threads[REQUEST_LIMIT];
    static atomic_int tids[REQUEST_LIMIT];
    pthread_attr_t attributes;
    allow_descriptors();
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (pipe(crowd_pipe) != 0)
        fail("pipe");
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], &attributes, wait_in_crowd, &tids[i]) != 0)
            fail("pthread_create");
        while (tids[i] == 0 || thread_state(tids[i]) != 'S')
            sleep_ns(1000000);
    }
    if (write(crowd_pipe[1], "x", 1) != 1)
        fail("write");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("pollmany: %d of %d woken\n", woken, count);
    return woken != count;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "busy") == 0)
        return poll_beside_busy_pipe();
    if (argc == 3 && strcmp(argv[1], "crowd") == 0 && number_argument(argv[2]) <= REQUEST_LIMIT)
        return wake_crowd((int)number_argument(argv[2]));
    fprintf(stderr, "usage: pollmany busy | crowd THREADS\n");
    return 2;
}
