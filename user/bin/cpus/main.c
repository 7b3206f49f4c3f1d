// Several processors at once. `cpus share [N] [DURATION]`: endless loops get equal CPU time.
// `cpus pinned [DURATION]`: nobody leaves his mask while others change it. `cpus pingpong
// [ROUNDS]`: a ball between two CPUs. `cpus storm [DURATION]`: rings of pipes while masks change.
// `cpus hop [DURATION]`: one moves itself round, its registers keep. `cpus alone [DURATION]`: one
// endless loop, and how often the timer interrupts it. `cpus behind`: an idle CPU finds who may
// move behind many that may not. Each exits 0 if all was well.
#include "cpus.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_LIMIT 64u
#define RING 6u
#define HANG_NS (60 * SECOND_NS)

unsigned cpu_count;

static uint64_t cpu_time_ns(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0)
        fail("clock_gettime");
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

unsigned own_cpu(void)
{
    unsigned cpu;
    if (syscall(SYS_getcpu, &cpu, NULL, NULL) != 0)
        fail("getcpu");
    return cpu;
}

void set_cpu(pid_t pid, unsigned cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(pid, sizeof(set), &set) != 0 && errno != ESRCH) // it may be done
        fail("sched_setaffinity");
}

static unsigned count_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        fail("sched_getaffinity");
    return (unsigned)CPU_COUNT(&set);
}

struct job {
    int results;
    uint64_t begin_ns, end_ns; // the same for all: nobody has a CPU for himself before or after
};

static void spin_until(uint64_t deadline_ns)
{
    while (clock_ns() < deadline_ns)
        for (unsigned i = 0; i < 10000; i++)
            __asm__ volatile("" : : "r"(i));
}

static int spin(void *argument)
{
    const struct job *job = argument;
    spin_until(job->begin_ns);
    uint64_t used_ns = cpu_time_ns();
    spin_until(job->end_ns);
    used_ns = cpu_time_ns() - used_ns;
    spin_until(job->end_ns + (job->end_ns - job->begin_ns) / 8);
    return write(job->results, &used_ns, sizeof(used_ns)) != sizeof(used_ns);
}

static int judge_shares(const uint64_t *used_ns, unsigned count)
{
    uint64_t sum_ns = 0, least_ns = UINT64_MAX, most_ns = 0;
    for (unsigned i = 0; i < count; i++) {
        sum_ns += used_ns[i];
        least_ns = used_ns[i] < least_ns ? used_ns[i] : least_ns;
        most_ns = used_ns[i] > most_ns ? used_ns[i] : most_ns;
    }
    uint64_t mean_ns = sum_ns / count;
    bool even = least_ns * 100 >= mean_ns * 95 && most_ns * 100 <= mean_ns * 105;
    printf("cpus: %u loops on %u CPUs: %llu to %llu us each, %s\n", count, cpu_count,
           (unsigned long long)least_ns / 1000, (unsigned long long)most_ns / 1000,
           even ? "within 5 %" : "NOT within 5 %");
    return !even;
}

static int share(unsigned count, uint64_t duration_ns)
{
    uint64_t used_ns[CHILD_LIMIT], begin_ns = clock_ns() + duration_ns / 4;
    pid_t pids[CHILD_LIMIT];
    int results[2], failures = 0;
    if (count == 0 || count > CHILD_LIMIT || pipe(results) != 0)
        fail("pipe, or not 1 to 64 loops");
    struct job job = { results[1], begin_ns, begin_ns + duration_ns };
    for (unsigned i = 0; i < count; i++)
        pids[i] = child_start(spin, &job);
    for (unsigned i = 0; i < count; i++)
        failures += read(results[0], &used_ns[i], sizeof(used_ns[i])) != sizeof(used_ns[i]);
    for (unsigned i = 0; i < count; i++)
        failures += child_wait(pids[i]) != 0;
    return failures || judge_shares(used_ns, count);
}

int end_all(const pid_t *pids, unsigned count)
{
    int failures = 0;
    for (unsigned i = 0; i < count; i++) {
        bool timed_out;
        failures += child_wait_limited(pids[i], HANG_NS, &timed_out) != 0;
        if (timed_out)
            printf("cpus: pid %d hangs\n", (int)pids[i]);
    }
    return failures;
}

struct player {
    int from, to;
    unsigned cpu, rounds;
    bool serves;
};

static int play(void *argument)
{
    const struct player *player = argument;
    char ball = 'o';
    if (player->cpu != UINT32_MAX)
        set_cpu(0, player->cpu);
    if (player->serves && write(player->to, &ball, 1) != 1)
        return 1;
    for (unsigned i = 0; i < player->rounds; i++)
        if (read(player->from, &ball, 1) != 1 || write(player->to, &ball, 1) != 1)
            return 1;
    return 0;
}

static int pingpong(unsigned rounds)
{
    int there[2], back[2];
    if (pipe(there) != 0 || pipe(back) != 0)
        fail("pipe");
    struct player first = { back[0], there[1], 0, rounds, true };
    struct player second = { there[0], back[1], cpu_count - 1, rounds, false };
    pid_t pids[] = { child_start(play, &first), child_start(play, &second) };
    int failures = end_all(pids, COUNT_OF(pids));
    printf("cpus: %u rounds between CPU 0 and CPU %u: %s\n", rounds, cpu_count - 1,
           failures ? "NOT all came back" : "all came back");
    return failures;
}

struct storm {
    uint64_t duration_ns;
    const pid_t *pids;
};

static int change_masks(void *argument)
{
    const struct storm *storm = argument;
    uint64_t deadline_ns = clock_ns() + storm->duration_ns;
    for (unsigned i = 0; clock_ns() < deadline_ns; i++) {
        uint64_t bits = (unsigned)rand() | 1u << rand() % (int)cpu_count;
        cpu_set_t set;
        memset(&set, 0, sizeof(set));
        memcpy(&set, &bits, sizeof(bits));
        (void)sched_setaffinity(storm->pids[i % RING], sizeof(set), &set);
    }
    return 0;
}

static int run_ring(unsigned rounds, uint64_t duration_ns)
{
    int pipes[RING][2];
    pid_t pids[RING];
    for (unsigned i = 0; i < RING; i++)
        if (pipe(pipes[i]) != 0)
            fail("pipe");
    for (unsigned i = 0; i < RING; i++) {
        struct player player = { pipes[i][0], pipes[(i + 1) % RING][1], UINT32_MAX, rounds, i < 3 };
        pids[i] = child_start(play, &player);
    }
    struct storm storm = { duration_ns, pids };
    pid_t changer = child_start(change_masks, &storm);
    return end_all(pids, RING) + end_all(&changer, 1);
}

static int storm(uint64_t duration_ns)
{
    uint64_t begin_ns = clock_ns();
    unsigned rings = 0, failures = 0;
    for (; clock_ns() - begin_ns < duration_ns && failures == 0; rings++)
        failures += (unsigned)run_ring(100, duration_ns / 10);
    printf("cpus: storm: %s\n", failures ? "something hangs" : "every ball came round");
    return failures != 0;
}

// The local timer interrupts of all CPUs.
static uint64_t timer_interrupts(void)
{
    char line[4096];
    uint64_t sum = 0;
    FILE *file = fopen("/proc/interrupts", "r");
    while (file && fgets(line, sizeof(line), file)) {
        char *at = strstr(line, "LOC:"), *end = at;
        for (at = at ? at + 4 : NULL; at; at = end) {
            uint64_t count = strtoull(at, &end, 10);
            if (end == at)
                break;
            sum += count;
        }
    }
    if (file)
        fclose(file);
    return sum;
}

static int alone(uint64_t duration_ns)
{
    set_cpu(0, cpu_count - 1);
    sleep_ns(SECOND_NS); // what others armed before has passed
    uint64_t before = timer_interrupts(), begin_ns = cpu_time_ns();
    for (uint64_t deadline_ns = clock_ns() + duration_ns; clock_ns() < deadline_ns;)
        for (unsigned i = 0; i < 10000; i++)
            __asm__ volatile("" : : "r"(i));
    uint64_t used_ns = cpu_time_ns() - begin_ns, count = timer_interrupts() - before;
    printf("cpus: alone for %llu ms: %llu timer interrupts, %llu us not its own\n",
           (unsigned long long)duration_ns / 1000000, (unsigned long long)count,
           (unsigned long long)(duration_ns > used_ns ? duration_ns - used_ns : 0) / 1000);
    return count > 1;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    bool counts = strcmp(mode, "share") == 0;
    cpu_count = count_cpus();
    uint64_t duration_ns = 2 * SECOND_NS;
    if (argc > 2 + counts)
        duration_ns = duration_argument(argv[2 + counts]);
    setvbuf(stdout, NULL, _IONBF, 0);
    if (counts)
        return share(argc > 2 ? (unsigned)number_argument(argv[2]) : 2 * cpu_count, duration_ns);
    if (strcmp(mode, "pinned") == 0)
        return pinned(duration_ns) != 0;
    if (strcmp(mode, "pingpong") == 0)
        return pingpong(argc > 2 ? (unsigned)number_argument(argv[2]) : 1000) != 0;
    if (strcmp(mode, "storm") == 0)
        return storm(duration_ns);
    if (strcmp(mode, "hop") == 0)
        return hop(&duration_ns);
    if (strcmp(mode, "alone") == 0)
        return alone(duration_ns);
    if (strcmp(mode, "behind") == 0)
        return behind();
    fail("usage: cpus share|pinned|pingpong|storm|hop|alone|behind [...]");
}
