// Several processes at once, each with the loop of the same row and nothing in common. Job 0 reads
// the kernel's counters before and after. Who has done its turns goes on until all have, so that
// no CPU has less to do, or looks for work at others, while one is measured. Invariant: between the
// two readings nobody waits for or wakes anybody, but where the row itself does.
#include "jobs.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "counts.h"
#include "program.h"

#define LOOK_NS 20000000u
#define HANG_NS 300000000000u // a job that died does not come to a meeting
#define PROBLEM_SIZE 96

struct job {
    uint64_t begin_ns, end_ns;
    long turns;
    char problem[PROBLEM_SIZE]; // empty: all was well
};

struct race {
    atomic_uint ready, done, stopped;
    _Atomic uint64_t start_ns; // 0: not yet known
    atomic_bool over;
    struct counts before, after;
    struct job jobs[JOB_LIMIT];
};

static struct race *race;
static const struct row *row;
static unsigned job_count;
static long turn_count;

static unsigned count_cpus(void)
{
    cpu_set_t set;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0 ||
        sched_getaffinity(0, sizeof(set), &set) != 0)
        fail("sched_setaffinity");
    return (unsigned)CPU_COUNT(&set);
}

static void look_later(uint64_t since_ns)
{
    if (clock_ns() - since_ns > HANG_NS)
        fail("other jobs did not come");
    sleep_ns(LOOK_NS);
}

static void wait_for_all(atomic_uint *count)
{
    uint64_t since_ns = clock_ns();
    while (atomic_load(count) < job_count)
        look_later(since_ns);
}

static void start_together(unsigned number)
{
    atomic_fetch_add(&race->ready, 1);
    if (number == 0) {
        wait_for_all(&race->ready);
        counts_read(&race->before);
        atomic_store(&race->start_ns, clock_ns() + 2 * LOOK_NS);
    }
    for (uint64_t since_ns = clock_ns(); atomic_load(&race->start_ns) == 0;)
        look_later(since_ns);
    uint64_t now_ns = clock_ns(), start_ns = atomic_load(&race->start_ns);
    if (now_ns < start_ns)
        sleep_ns(start_ns - now_ns);
}

static void end_together(unsigned number)
{
    atomic_fetch_add(&race->stopped, 1);
    if (number == 0) {
        wait_for_all(&race->stopped);
        counts_read(&race->after);
        atomic_store(&race->over, true);
    }
    for (uint64_t since_ns = clock_ns(); !atomic_load(&race->over);)
        look_later(since_ns);
}

static void take_turns(struct job *job)
{
    while (!row_problem() && (job->turns < turn_count || atomic_load(&race->done) < job_count)) {
        row->cycles(row->count);
        if (++job->turns == turn_count)
            atomic_fetch_add(&race->done, 1);
    }
    if (job->turns < turn_count)
        atomic_fetch_add(&race->done, 1);
}

// Also who failed comes to the meetings: the others wait for him.
static int do_job(void *argument)
{
    struct job *job = argument;
    unsigned number = (unsigned)(job - race->jobs);
    prctl(PR_SET_PDEATHSIG, SIGKILL); // not everywhere
    *job = (struct job){ 0 };         // so that the page is there
    row_begin();
    if (row->prepare)
        row->prepare(row);
    if (!row_problem())
        row->cycles(row->count);
    start_together(number);
    job->begin_ns = clock_ns();
    take_turns(job);
    job->end_ns = clock_ns();
    end_together(number);
    if (row->finish)
        row->finish();
    if (row_problem())
        snprintf(job->problem, sizeof(job->problem), "%s", row_problem());
    return row_problem() != NULL;
}

static int become_job(void *argument)
{
    unsigned number = (unsigned)((struct job *)argument - race->jobs);
    pin_to_cpu((int)(number % count_cpus()));
    return do_job(argument);
}

static const char *run_jobs(void)
{
    pid_t pids[JOB_LIMIT];
    const char *problem = NULL;
    for (unsigned i = 0; i < job_count; i++)
        pids[i] = child_start(become_job, &race->jobs[i]);
    for (unsigned i = 0; i < job_count; i++) {
        if (child_wait(pids[i]) == 0 || problem)
            continue;
        problem = *race->jobs[i].problem ? race->jobs[i].problem : "a job died";
    }
    return problem;
}

static void print_result(void)
{
    uint64_t begin_ns = UINT64_MAX, end_ns = 0;
    long parts = row->parts ? row->parts : 1, turns = 0;
    for (unsigned i = 0; i < job_count; i++) {
        const struct job *job = &race->jobs[i];
        begin_ns = job->begin_ns < begin_ns ? job->begin_ns : begin_ns;
        end_ns = job->end_ns > end_ns ? job->end_ns : end_ns;
        turns += job->turns;
    }
    counts_print_locks(row->name, &race->before, &race->after);
    printf("%s jobs %u operations %lld ns %llu", row->name, job_count,
           (long long)turns * row->count * parts, (unsigned long long)(end_ns - begin_ns));
    counts_print(&race->before, &race->after);
    printf("\n");
}

bool jobs_measure(const struct row *which, unsigned jobs, long turns)
{
    row = which;
    job_count = jobs;
    turn_count = turns ? turns : 1;
    race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (race == MAP_FAILED)
        fail("mmap");
    const char *problem = row->cycles ? run_jobs() : "not a row that times a loop";
    if (problem)
        printf("# %s: failed: %s\n", row->name, problem);
    else
        print_result();
    fflush(stdout);
    munmap(race, sizeof(*race));
    return !problem;
}
