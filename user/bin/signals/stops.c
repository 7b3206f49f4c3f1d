// Stops of a process with several threads: all of them, told once, as often as they come.
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define THREADS 3
#define ROUNDS 10
#define LOOKS 200

// Shared with the child.
static struct state {
    volatile unsigned long counters[THREADS];
    volatile bool make_another, is_made;
} * state;

static void *count(void *argument)
{
    volatile unsigned long *counter = argument;
    for (;;) {
        (*counter)++;
        sched_yield();
    }
    return NULL;
}

static void *do_nothing(void *argument)
{
    return NULL;
}

static int run_threads(void *argument)
{
    pthread_t thread;
    for (int i = 1; i < THREADS; i++)
        pthread_create(&thread, NULL, count, (void *)&state->counters[i]);
    for (;;) {
        state->counters[0]++;
        sched_yield();
        if (!state->make_another || state->is_made)
            continue;
        pthread_create(&thread, NULL, do_nothing, NULL);
        pthread_join(thread, NULL);
        sleep_ns(1 * MILLISECONDS); // it is joined before it is gone
        state->is_made = true;
    }
    return 0;
}

// Waits for a change of the child's state, but not for ever.
static bool changes(pid_t child, int options, int *status)
{
    for (int i = 0; i < LOOKS; i++) {
        if (waitpid(child, status, options | WNOHANG) == child)
            return true;
        sleep_ns(5 * MILLISECONDS);
    }
    return false;
}

static bool is_stopped(pid_t child)
{
    int status;
    return changes(child, WUNTRACED, &status) && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

static bool all_threads_move(void)
{
    unsigned long before[THREADS];
    memcpy(before, (const void *)state->counters, sizeof(before));
    for (int i = 0; i < LOOKS; i++) {
        unsigned moved = 0;
        for (int j = 0; j < THREADS; j++)
            moved += state->counters[j] != before[j];
        if (moved == THREADS)
            return true;
        sleep_ns(5 * MILLISECONDS);
    }
    return false;
}

static bool no_thread_moves(void)
{
    unsigned long before[THREADS];
    memcpy(before, (const void *)state->counters, sizeof(before));
    sleep_ns(5 * MILLISECONDS);
    return memcmp(before, (const void *)state->counters, sizeof(before)) == 0;
}

static pid_t start_threads(void)
{
    state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (state == MAP_FAILED)
        fail("mmap");
    return child_start(run_threads, NULL);
}

// In ticks of 10 ms.
static unsigned long time_used(pid_t child)
{
    char name[32];
    unsigned long user = 0, system = 0;
    snprintf(name, sizeof(name), "/proc/%d/stat", child);
    FILE *file = fopen(name, "r");
    if (file == NULL || fscanf(file,
                               "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                               "%lu %lu",
                               &user, &system) != 2)
        fail(name);
    fclose(file);
    return user + system;
}

static bool stopped_threads_rest(pid_t child)
{
    EXPECT(kill(child, SIGSTOP) == 0 && is_stopped(child));
    unsigned long used = time_used(child);
    sleep_ns(100 * MILLISECONDS);
    EXPECT(time_used(child) - used < 3);
    EXPECT(kill(child, SIGCONT) == 0);
    return true;
}

static volatile int stop_count;

static void count_stops(int signal, siginfo_t *info, void *argument)
{
    stop_count += info->si_code == CLD_STOPPED;
}

static bool stop_and_continue(pid_t child)
{
    int status;
    handle_on(SIGCHLD, count_stops, SA_RESTART);
    EXPECT(all_threads_move());
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(kill(child, SIGSTOP) == 0 && is_stopped(child) && no_thread_moves());
        EXPECT(waitpid(child, &status, WUNTRACED | WNOHANG) == 0); // once
        EXPECT(kill(child, SIGCONT) == 0 && changes(child, WCONTINUED, &status));
        EXPECT(WIFCONTINUED(status) && all_threads_move());
    }
    for (int i = 0; i < ROUNDS; i++) { // some threads meet the next stop in the last one
        EXPECT(kill(child, SIGSTOP) == 0 && is_stopped(child));
        EXPECT(kill(child, SIGCONT) == 0 && kill(child, SIGSTOP) == 0);
        EXPECT(is_stopped(child) && no_thread_moves());
        EXPECT(waitpid(child, &status, WCONTINUED | WNOHANG) == 0); // that is over
        EXPECT(kill(child, SIGCONT) == 0 && changes(child, WCONTINUED, &status));
    }
    EXPECT(stop_count <= 3 * ROUNDS && stopped_threads_rest(child));
    state->make_another = true; // as many come and go as have been stopped
    for (int i = 0; i < LOOKS && !state->is_made; i++)
        sleep_ns(5 * MILLISECONDS);
    EXPECT(state->is_made && waitpid(child, &status, WUNTRACED | WNOHANG) == 0);
    return true;
}

static bool stops_stop_every_thread(void)
{
    pid_t child = start_threads();
    bool good = stop_and_continue(child);
    kill(child, SIGKILL);
    EXPECT(WTERMSIG(child_wait(child)) == SIGKILL && good);
    return true;
}

const struct test stop_tests[] = {
    { "stops_stop_every_thread", stops_stop_every_thread },
};
const size_t stop_test_count = COUNT_OF(stop_tests);
