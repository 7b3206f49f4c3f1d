// Runs an attack beside a bystander and compares: the bystander's progress, its share of the
// processors and its memory, and the kernel's live counts before and after.
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYSTANDER_PAGES 64u
#define PAGE 4096ul
#define SETTLE_NS 20000000000u
#define LIMIT_NS 90000000000u
// Of a fair share: half is for what else runs, and half for machines that are busy themselves.
#define LEAST_SHARE_DIVISOR 4u
#define LONGEST_GAP_NS 5000000000u
#define SHORTEST_JUDGED_NS 300000000u // some slices of everybody
#define COUNT_LIMIT 48u

// Shared by the attack's processes.
struct scene {
    volatile uint64_t rounds, longest_gap_ns, cpu_ns;
    volatile bool memory_changed;
    volatile unsigned competitors;
};
static struct scene *scene;
bool attack_is_quick;

void attack_competitors(unsigned count)
{
    scene->competitors = count;
}

int attack_fork(void)
{
    int pid = fork();
    if (pid == 0)
        prctl(PR_SET_NAME, "hostile");
    return pid < 0 ? -errno : pid;
}

static uint64_t own_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

// Counts, and looks after its memory, for as long as it is let.
static int bystand(void *unused)
{
    volatile uint64_t *memory = mmap(NULL, BYSTANDER_PAGES * PAGE, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t last = clock_ns();
    prctl(PR_SET_NAME, "bystander");
    for (unsigned i = 0; i < BYSTANDER_PAGES; i++)
        memory[i * PAGE / 8] = i;
    for (;;) {
        for (unsigned i = 0; i < BYSTANDER_PAGES; i++)
            scene->memory_changed |= memory[i * PAGE / 8] != i;
        uint64_t now = clock_ns();
        if (now - last > scene->longest_gap_ns)
            scene->longest_gap_ns = now - last;
        last = now;
        scene->cpu_ns = own_cpu_ns();
        scene->rounds++;
    }
}

struct counts {
    size_t count;
    struct {
        char name[24];
        long value;
    } rows[COUNT_LIMIT];
};

// Not what is kept ready, and not how much lies in files: the suite's own output may.
static bool is_counted(const char *name)
{
    return strcmp(name, "frames-free") != 0 && strcmp(name, "frames-cache") != 0 &&
           strcmp(name, "frames-stack") != 0 && strcmp(name, "frames-page-table") != 0 &&
           strcmp(name, "frames-anonymous") != 0 && strncmp(name, "cache-memory", 12) != 0 &&
           strcmp(name, "cache-snapshot") != 0;
}

static void read_counts(struct counts *counts)
{
    char name[24];
    long value;
    counts->count = 0;
    FILE *file = fopen("/proc/live", "r");
    if (file == NULL)
        return; // Linux
    while (counts->count < COUNT_LIMIT && fscanf(file, "%23s %ld", name, &value) == 2) {
        if (!is_counted(name))
            continue;
        strcpy(counts->rows[counts->count].name, name);
        counts->rows[counts->count++].value = value;
    }
    fclose(file);
}

// Less than before is no fault: an orphan of an earlier attempt may have been counted.
static const char *find_excess(const struct counts *before, const struct counts *after)
{
    static char text[80];
    for (size_t i = 0; i < before->count; i++) {
        if (after->rows[i].value <= before->rows[i].value)
            continue;
        snprintf(text, sizeof(text), "%s %ld, was %ld", before->rows[i].name, after->rows[i].value,
                 before->rows[i].value);
        return text;
    }
    return NULL;
}

// What orphans held comes back when init has collected them.
static int counts_come_back(const struct counts *before)
{
    struct counts after;
    uint64_t deadline = clock_ns() + SETTLE_NS;
    const char *text;
    do {
        read_counts(&after);
        text = find_excess(before, &after);
        if (text == NULL)
            return 0;
        sleep_ns(2000000);
    } while (clock_ns() < deadline);
    return attempt_note("left behind: %s", text);
}

// The witness of the judge is not for what an attack does to itself.
void signals_reset(void)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
    const stack_t none = { .ss_flags = SS_DISABLE };
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        signal(faults[i], SIG_DFL);
    sigaltstack(&none, NULL);
}

static int run_attacker(void *argument)
{
    const struct attack *attack = argument;
    setpgid(0, 0);
    signals_reset();
    prctl(PR_SET_NAME, "hostile");
    return attack->run();
}

// Also those that are being made at this moment.
static void kill_group(pid_t group)
{
    for (unsigned i = 0; i < 1000 && kill(-group, SIGKILL) == 0; i++)
        sleep_ns(1000000);
}

static int attacker_status(const struct attack *attack)
{
    bool timed_out;
    pid_t pid = child_start(run_attacker, (void *)attack);
    uint64_t limit_ns = attack->seconds ? attack->seconds * 1000000000ull : LIMIT_NS;
    setpgid(pid, pid);
    int status = child_wait_limited(pid, limit_ns, &timed_out);
    kill_group(pid);
    if (timed_out)
        return attack->seconds ? 0 : -1;
    return status;
}

static int judge_attacker(const struct attack *attack, int status)
{
    if (record->note[0] != '\0')
        return 1;
    if (status == -1)
        return attempt_note("it never ended");
    if (attack->signal ? !WIFSIGNALED(status) || WTERMSIG(status) != attack->signal : status != 0)
        return attempt_note("status %#x", status);
    return 0;
}

static int judge_bystander(uint64_t took_ns, uint64_t used_ns, int status)
{
    uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t runners = scene->competitors + 1;
    uint64_t fair_ns = runners <= cpus ? took_ns : took_ns / runners * cpus;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM)
        return attempt_note("the bystander ended, status %#x", status);
    if (scene->memory_changed)
        return attempt_note("the bystander's memory changed");
    if (scene->longest_gap_ns > LONGEST_GAP_NS && scene->longest_gap_ns > 4 * runners * 10000000)
        return attempt_note("the bystander stood still for %lu ms",
                            scene->longest_gap_ns / 1000000);
    if (kernel_is_ringfence() && took_ns > SHORTEST_JUDGED_NS &&
        used_ns < fair_ns / LEAST_SHARE_DIVISOR)
        return attempt_note("the bystander got %lu of %lu ms, %lu ran", used_ns / 1000000,
                            took_ns / 1000000, runners);
    return 0;
}

int attack_run(const struct attempt *attempt)
{
    const struct attack *attack = attempt->argument;
    struct counts before;
    attack_is_quick = sweeps_are_quick;
    scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (scene == MAP_FAILED)
        fail("mmap");
    scene->competitors = 1;
    read_counts(&before);
    read_counts(&before); // the first look may have made what the second finds
    pid_t bystander = child_start(bystand, NULL);
    while (scene->rounds == 0)
        sleep_ns(1000000);
    uint64_t start = clock_ns(), cpu_start = scene->cpu_ns;
    int status = attacker_status(attack);
    uint64_t took = clock_ns() - start, used = scene->cpu_ns - cpu_start;
    kill(bystander, SIGTERM);
    int result = judge_attacker(attack, status);
    int ended = child_wait(bystander);
    if (result == 0)
        result = judge_bystander(took, used, ended);
    return result != 0 ? result : counts_come_back(&before);
}
