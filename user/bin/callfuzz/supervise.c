// Starts children, looks after them, cleans up. A child that gets nothing done is sent a signal;
// one that goes on like that is killed.
#include "supervise.h"

#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLISECOND_NS 1000000ull
#define TURN_NS (10 * MILLISECOND_NS)
#define POKE_NS (20 * MILLISECOND_NS)
#define KILL_NS (500 * MILLISECOND_NS)
#define REPORT_NS (10000 * MILLISECOND_NS)
#define LOG_LEVEL 8 // a command of syslog(2)
#define LOG_WARNINGS 5
#define LOG_ALL 8

static struct {
    unsigned long calls, children, killed, deaths;
    unsigned bad;
    uint64_t start_ns, reported_ns;
} run;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    if (remove(path) != 0 && errno != ENOENT) {
        printf("BAD callfuzz: %s cannot be removed: errno %d\n", path, errno);
        run.bad++;
    }
    return 0;
}

static void slot_folder(unsigned index, char path[32])
{
    snprintf(path, 32, PLACE "/%c", (char)('A' + index));
}

static void start_child(struct shared *shared, unsigned index, const struct options *options)
{
    struct slot *slot = &shared->slots[index];
    char path[32];
    slot_folder(index, path);
    mkdir(path, 0755);
    atomic_store(&slot->progress, 0);
    atomic_store(&slot->family_count, 0);
    slot->seed = options->seed + (uint32_t)run.children++;
    slot->progress_seen = 0;
    slot->seen_ns = clock_ns();
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        struct sched_param none = { 0 };
        sigset_t all_clear;
        sigemptyset(&all_clear);
        sched_setscheduler(0, SCHED_OTHER, &none);
        sigprocmask(SIG_SETMASK, &all_clear, NULL);
        if (chdir(path) != 0)
            fail(path);
        unsigned long left = options->calls - run.calls;
        child_live(shared, slot, left < options->child_calls ? left : options->child_calls,
                   options->verbose);
    }
    slot->pid = pid;
}

static void kill_family(struct slot *slot)
{
    unsigned count = atomic_load(&slot->family_count);
    for (unsigned i = 0; i < count && i < FAMILY_LIMIT; i++) {
        int pid = atomic_load(&slot->family[i]);
        if (pid > 1 && pid != getpid())
            kill(pid, SIGKILL);
    }
}

static void finish_child(struct shared *shared, unsigned index, int status,
                         const struct options *options)
{
    char words[48];
    struct slot *slot = &shared->slots[index];
    char path[32];
    slot->pid = 0;
    run.calls += atomic_load(&slot->progress);
    run.deaths += status != 0;
    if (options->verbose)
        printf("callfuzz: seed %u %s after %lu calls\n", slot->seed,
               verdict_words(status, words, sizeof(words)), atomic_load(&slot->progress));
    kill_family(slot);
    slot_folder(index, path);
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void look_after(struct slot *slot)
{
    uint64_t now_ns = clock_ns();
    unsigned long progress = atomic_load(&slot->progress);
    if (progress != slot->progress_seen) {
        slot->progress_seen = progress;
        slot->seen_ns = now_ns;
    } else if (now_ns - slot->seen_ns > KILL_NS) {
        kill(slot->pid, SIGKILL);
        run.killed++;
        slot->seen_ns = now_ns;
    } else if (now_ns - slot->seen_ns > POKE_NS) {
        kill(slot->pid, SIGCONT);
        kill(slot->pid, SIGUSR1);
    }
}

static void report(const struct options *options)
{
    uint64_t now_ns = clock_ns();
    run.reported_ns = now_ns;
    printf("callfuzz: %lu s, %lu calls, children with seeds up to %u, %lu ended early, %lu killed, "
           "%u bad\n",
           (unsigned long)((now_ns - run.start_ns) / (1000 * MILLISECOND_NS)), run.calls,
           options->seed + (uint32_t)run.children - 1, run.deaths, run.killed, run.bad);
    fflush(stdout);
}

static void wait_for_a_child(void)
{
    struct timespec limit = { 0, TURN_NS };
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigtimedwait(&awaited, NULL, &limit);
}

// Children one after another in each slot, until enough were started and all have ended.
static void run_round(struct shared *shared, const struct options *options)
{
    unsigned started = 0, running = 1;
    for (; running > 0; wait_for_a_child()) {
        running = 0;
        for (unsigned i = 0; i < options->at_once; i++) {
            struct slot *slot = &shared->slots[i];
            int status;
            if (slot->pid != 0 && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
                finish_child(shared, i, status, options);
            else if (slot->pid != 0)
                look_after(slot);
            if (slot->pid == 0 && started < options->round_children && run.calls < options->calls) {
                started++;
                start_child(shared, i, options);
            }
            running += slot->pid != 0;
        }
        if (clock_ns() - run.reported_ns >= REPORT_NS)
            report(options);
    }
}

static void on_poke(int signal)
{
}

static void prepare(void)
{
    sigset_t awaited;
    struct sched_param urgent = { .sched_priority = 90 };
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    signal(SIGUSR1, on_poke);                   // for children that have not begun
    klogctl(LOG_LEVEL, NULL, LOG_WARNINGS);     // not each death
    sched_setscheduler(0, SCHED_FIFO, &urgent); // children may be urgent, too, but less
    if (mkdir(PLACE, 0755) != 0)
        fail(PLACE);
    place_restore();
    run.start_ns = run.reported_ns = clock_ns();
}

unsigned supervise(struct shared *shared, const struct options *options)
{
    prepare();
    names_remember();
    live_remember();
    while (run.calls < options->calls) {
        uint32_t first_seed = options->seed + (uint32_t)run.children;
        run_round(shared, options);
        strays_end();
        names_restore();
        place_restore();
        if (!live_came_back()) {
            printf("BAD callfuzz: after the children with seeds %u to %u\n", first_seed,
                   options->seed + (uint32_t)run.children - 1);
            run.bad++;
            live_remember();
        }
    }
    nftw(PLACE, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    klogctl(LOG_LEVEL, NULL, LOG_ALL);
    report(options);
    return run.bad;
}
