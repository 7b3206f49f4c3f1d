// Mixes jobs at random for a while and watches that each gets on; runs unchanged on Linux.
//   stress [-t SECONDS] [-s SEED] [-n JOBS AT ONCE] [-w SECONDS WITHOUT PROGRESS] [JOB...]
// Prints what it does now and then, a line BAD for everything that was not as it must be, and at
// the end how often each job ran and what it got done. Exits 0 when nothing was bad. The seed
// decides which jobs come and what they do; when, is the scheduler's affair.
#include "stress.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOT_LIMIT 64u
#define TURN_NS (5 * MILLISECONDS)
#define REPORT_NS (10000 * MILLISECONDS)
#define JOB_SHORTEST_MS 50u
#define JOB_LONGEST_MS 3000u

const struct job jobs[] = {
    { "forks", run_forks, true },     { "tree", run_tree, true },
    { "vforks", run_vforks, true },   { "ring", run_ring, true },
    { "bulk", run_bulk, true },       { "fifo", run_fifo, true },
    { "poll", run_poll, true },       { "files", run_files, true },
    { "names", run_names, true },     { "maps", run_maps, true },
    { "sharing", run_sharing, true }, { "faults", run_faults, true },
    { "signals", run_signals, true }, { "queue", run_queue, true },
    { "stops", run_stops, true },     { "timers", run_timers, true },
    { "futex", run_futex, true },     { "affinity", run_affinity, true },
    { "proc", run_proc, true },       { "threads", run_threads, true },
    { "mutexes", run_mutexes, true }, { "thread-maps", run_thread_maps, true },
    { "revoke", run_revoke, true },   { "thread-ends", run_thread_ends, true },
    { "wakes", run_wakes, true },
};
const size_t job_count = COUNT_OF(jobs);

struct options {
    uint64_t duration_ns, seed, patience_ns;
    unsigned slot_count;
    bool chosen[COUNT_OF(jobs)];
};

static struct {
    unsigned long runs, kills;
    unsigned long long amount;
} totals[COUNT_OF(jobs)];

static unsigned long started, bad;
static struct slot chance = { 0 }; // the supervisor's own random numbers

static unsigned choose_job(const struct options *options)
{
    unsigned job;
    do
        job = random_below(&chance, (uint32_t)job_count);
    while (!options->chosen[job]);
    return job;
}

static void start_job(struct slot *slot, const struct options *options)
{
    uint64_t now_ns = clock_ns();
    memset(slot, 0, sizeof(*slot));
    slot->job = choose_job(options);
    slot->seed = random_next(&chance);
    atomic_store(&slot->state, slot->seed);
    uint32_t length_ms = random_below(&chance, JOB_LONGEST_MS - JOB_SHORTEST_MS);
    slot->end_ns = now_ns + (JOB_SHORTEST_MS + length_ms) * MILLISECONDS;
    slot->seen_ns = now_ns;
    snprintf(slot->folder, sizeof(slot->folder), "/tmp/stress.%lu", started++);
    if (mkdir(slot->folder, 0700) != 0)
        fail(slot->folder);
    pid_t pid = fork(); // the slot is the child's as well
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        setpgid(0, 0);
        _exit(jobs[slot->job].run(slot));
    }
    setpgid(pid, pid);
    slot->pid = pid;
}

// Everything in it, and itself. Jobs leave folders of depth one at the most.
static void remove_folder(const char *path, unsigned depth)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[128];
    while (folder && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%.60s", path, entry->d_name);
        if (unlink(name) != 0 && depth < 3)
            remove_folder(name, depth + 1);
    }
    if (folder)
        closedir(folder);
    if (rmdir(path) != 0 && errno != ENOENT) {
        printf("BAD stress: %s cannot be removed: %s\n", path, strerror(errno));
        bad++;
    }
}

// A job's processes end with it, or, when it was killed, are killed with it: the group is empty
// soon.
static void wait_for_group(const struct slot *slot, const struct options *options)
{
    uint64_t start_ns = clock_ns();
    while (kill(-slot->pid, SIGKILL) == 0 && clock_ns() - start_ns < options->patience_ns)
        sleep_ns(MILLISECONDS);
    if (kill(-slot->pid, 0) == 0) {
        printf("BAD stress: group %d of job %s does not end\n", slot->pid, jobs[slot->job].name);
        bad++;
    }
}

static void finish_job(struct slot *slot, int status, const struct options *options)
{
    bool killed = atomic_load(&slot->is_killed);
    char words[64];
    totals[slot->job].runs++;
    totals[slot->job].kills += killed;
    totals[slot->job].amount += atomic_load(&slot->amount);
    if (status != 0 && !(killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
        printf("BAD stress: job %s, seed 0x%llx, %s\n", jobs[slot->job].name,
               (unsigned long long)slot->seed, verdict_words(status, words, sizeof(words)));
        bad++;
    }
    wait_for_group(slot, options);
    remove_folder(slot->folder, 0);
    slot->pid = 0;
}

static void print_file(const char *path)
{
    char text[2048];
    int fd = open(path, O_RDONLY);
    ssize_t length;
    while (fd >= 0 && (length = read(fd, text, sizeof(text))) > 0)
        printf("  %.*s", (int)length, text);
    if (fd >= 0)
        close(fd);
}

// What everybody waits for, as far as the kernel tells.
static void print_processes(void)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    char path[64];
    while (processes && (entry = readdir(processes)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof(path), "/proc/%.16s/stat", entry->d_name);
        print_file(path);
        snprintf(path, sizeof(path), "/proc/%.16s/registers", entry->d_name);
        print_file(path);
    }
}

static void give_up(struct slot *slots, const struct options *options, const struct slot *stalled)
{
    printf("BAD stress: STALLED: job %s, seed 0x%llx, pid %d, progress %llu\n",
           jobs[stalled->job].name, (unsigned long long)stalled->seed, stalled->pid,
           (unsigned long long)atomic_load(&stalled->progress));
    if (kernel_is_ringfence())
        print_processes();
    fflush(stdout);
    for (unsigned i = 0; i < options->slot_count; i++) {
        if (slots[i].pid > 0)
            kill(-slots[i].pid, SIGKILL);
    }
    exit(1);
}

// Kills one job in so many in the middle of what it does. False: it is stalled.
static bool look_after(struct slot *slot, const struct options *options)
{
    uint64_t now_ns = clock_ns(), progress = atomic_load(&slot->progress);
    if (jobs[slot->job].is_killable && random_below(&chance, 600) == 0) {
        atomic_store(&slot->is_killed, true);
        kill(-slot->pid, SIGKILL);
    }
    if (progress != slot->progress_seen) {
        slot->progress_seen = progress;
        slot->seen_ns = now_ns;
    }
    return now_ns - slot->seen_ns < options->patience_ns;
}

static void report(uint64_t start_ns, bool is_last)
{
    printf("stress: %llu s, %lu jobs, %lu bad%s\n",
           (unsigned long long)((clock_ns() - start_ns) / (1000 * MILLISECONDS)), started, bad,
           is_last ? "; runs, of them killed, work done:" : "");
    for (size_t i = 0; i < job_count && is_last; i++)
        printf("stress:   %-12s %5lu %5lu %12llu\n", jobs[i].name, totals[i].runs, totals[i].kills,
               totals[i].amount);
    fflush(stdout);
}

static void supervise(struct slot *slots, const struct options *options)
{
    uint64_t start_ns = clock_ns(), reported_ns = start_ns;
    for (unsigned running = 1; running > 0; sleep_ns(TURN_NS)) {
        bool is_over = clock_ns() - start_ns >= options->duration_ns;
        running = !is_over;
        for (unsigned i = 0; i < options->slot_count; i++) {
            struct slot *slot = &slots[i];
            int status;
            if (slot->pid != 0 && waitpid(slot->pid, &status, WNOHANG) == slot->pid)
                finish_job(slot, status, options);
            else if (slot->pid != 0 && !look_after(slot, options))
                give_up(slots, options, slot);
            if (slot->pid == 0 && !is_over)
                start_job(slot, options);
            running += slot->pid != 0;
        }
        if (clock_ns() - reported_ns >= REPORT_NS) {
            reported_ns = clock_ns();
            report(start_ns, false);
        }
    }
    report(start_ns, true);
}

static void choose_by_name(struct options *options, const char *name)
{
    bool known = false;
    for (size_t i = 0; i < job_count; i++) {
        if (strcmp(jobs[i].name, name) != 0)
            continue;
        options->chosen[i] = known = true;
    }
    if (known)
        return;
    dprintf(2, "stress: there is no job '%s', only:", name);
    for (size_t i = 0; i < job_count; i++)
        dprintf(2, " %s", jobs[i].name);
    dprintf(2, "\n");
    exit(2);
}

static struct options parse(int argc, char **argv)
{
    struct options options = { .duration_ns = 20000 * MILLISECONDS,
                               .seed = clock_ns(),
                               .patience_ns = 120000 * MILLISECONDS,
                               .slot_count = 8 };
    for (int option; (option = getopt(argc, argv, "t:s:n:w:")) != -1;) {
        uint64_t value = option == '?' ? 0 : (uint64_t)number_argument(optarg);
        if (option == 't')
            options.duration_ns = value * 1000 * MILLISECONDS;
        else if (option == 's')
            options.seed = value;
        else if (option == 'n')
            options.slot_count = value < SLOT_LIMIT ? (unsigned)value : SLOT_LIMIT;
        else if (option == 'w')
            options.patience_ns = value * 1000 * MILLISECONDS;
        else
            exit(2);
    }
    for (int i = optind; i < argc; i++)
        choose_by_name(&options, argv[i]);
    for (size_t i = 0; i < job_count && optind == argc; i++)
        options.chosen[i] = true;
    return options;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "leaf") == 0)
        return run_leaf(argv + 2);
    struct options options = parse(argc, argv);
    atomic_store(&chance.state, options.seed);
    printf("stress: seed %llu, %llu s, %u jobs at once\n", (unsigned long long)options.seed,
           (unsigned long long)(options.duration_ns / (1000 * MILLISECONDS)), options.slot_count);
    fflush(stdout);
    supervise(shared_memory(SLOT_LIMIT * sizeof(struct slot)), &options);
    return bad != 0;
}
