// The simulated machine. At one moment, arrivals and devices come first, in the order of the jobs;
// then the running job's own doing; then the end of its slice.
#include "simulator.h"

#include "sched/weight.h"
#include "test.h"

static uint64_t random_seed = 1;

// What lottery.c seeds itself from.
uint64_t random_u64(void)
{
    return random_seed++ * 0x9e3779b97f4a7c15ull;
}

void simulation_start(struct simulation *simulation, const struct policy *policy, uint64_t slice,
                      uint64_t second)
{
    *simulation = (struct simulation){ .slice_end = NEVER };
    policy_queue_init(&simulation->queue, policy, slice, second);
}

struct job *simulation_add(struct simulation *simulation, char letter, uint64_t arrives,
                           uint32_t weight)
{
    CHECK(simulation->count < JOB_LIMIT);
    struct job *job = &simulation->jobs[simulation->count++];
    *job = (struct job){ .letter = letter, .arrives = arrives, .run_left = NEVER };
    job->wakes_at = arrives;
    job->thread.policy.weight = weight;
    job->thread.affinity.words[0] = ~0ull;
    return job;
}

static struct job *job_of(struct thread *thread)
{
    return thread ? container_of(thread, struct job, thread) : NULL;
}

static void start_slice(struct simulation *simulation)
{
    struct job *running = simulation->running;

    simulation->slice_end = simulation->waiting == 0 || !running
                                ? NEVER
                                : simulation->now + running->thread.policy.slice_left;
}

static void keep_slice(struct simulation *simulation)
{
    if (simulation->slice_end != NEVER)
        simulation->running->thread.policy.slice_left =
            simulation->slice_end > simulation->now ? simulation->slice_end - simulation->now : 0;
}

static void enqueue(struct simulation *simulation, struct job *job, enum runnable_reason reason)
{
    job->waits_since = simulation->now;
    simulation->waiting++;
    policy_account(&simulation->queue, simulation->now);
    policy_enqueue(&simulation->queue, &job->thread, reason);
}

static void pick(struct simulation *simulation)
{
    policy_account(&simulation->queue, simulation->now);
    struct job *next = job_of(policy_pick_next(&simulation->queue, simulation->now));
    if (next) {
        simulation->waiting--;
        uint64_t waited = simulation->now - next->waits_since;
        if (waited > next->longest_wait)
            next->longest_wait = waited;
        CHECK(next->thread.policy.slice_left != 0);
    } else {
        CHECK_EQUAL(simulation->waiting, 0);
    }
    simulation->switches += next != simulation->running;
    simulation->running = next;
    start_slice(simulation);
}

static void preempt(struct simulation *simulation)
{
    struct job *running = simulation->running;

    if (running) {
        keep_slice(simulation);
        enqueue(simulation, running,
                running->thread.policy.slice_left ? RUNNABLE_PREEMPTED : RUNNABLE_SLICE_OVER);
    }
    pick(simulation);
}

// Several at one moment are one interrupt: the switch comes after all of them.
static void wake_due(struct simulation *simulation)
{
    bool due = false;

    for (unsigned i = 0; i < simulation->count; i++) {
        struct job *job = &simulation->jobs[i];
        if (job->wakes_at != simulation->now)
            continue;
        enum runnable_reason reason =
            job->wakes_at == job->arrives ? RUNNABLE_WOKEN : RUNNABLE_WOKEN_BY_INTERRUPT;
        job->wakes_at = NEVER;
        job->burst_left = job->burst ? job->burst : NEVER;
        enqueue(simulation, job, reason);
        if (policy_should_preempt(&simulation->queue, &job->thread, reason))
            due = true;
        else if (simulation->slice_end == NEVER && !due)
            start_slice(simulation);
    }
    if (due)
        preempt(simulation);
}

// The running job's burst is over, or the job.
static void finish_burst(struct simulation *simulation)
{
    struct job *job = simulation->running;

    if (job->yields && job->run_left != 0) {
        job->burst_left = job->burst;
        enqueue(simulation, job, RUNNABLE_YIELDED);
    } else {
        keep_slice(simulation);
        job->wakes_at = job->run_left != 0 ? simulation->now + job->away : NEVER;
    }
    pick(simulation);
}

static void record(struct simulation *simulation, uint64_t ticks)
{
    char letter = simulation->running ? simulation->running->letter : '.';

    if (simulation->unit == 0)
        return;
    if (simulation->now % simulation->unit != 0 || ticks % simulation->unit != 0)
        test_fail(__FILE__, __LINE__, "%c runs from %llu for %llu: no whole units", letter,
                  (unsigned long long)simulation->now, (unsigned long long)ticks);
    for (; ticks != 0; ticks -= simulation->unit) {
        CHECK(simulation->recorded < simulation->record_size);
        simulation->record[simulation->recorded++] = letter;
    }
}

static void advance(struct simulation *simulation, uint64_t to)
{
    struct job *running = simulation->running;
    uint64_t ticks = to - simulation->now;

    record(simulation, ticks);
    simulation->now = to;
    if (!running)
        return;
    running->ran += ticks;
    if (running->run_left != NEVER)
        running->run_left -= ticks;
    if (running->burst_left != NEVER)
        running->burst_left -= ticks;
}

static uint64_t next_moment(const struct simulation *simulation, uint64_t until)
{
    const struct job *running = simulation->running;
    uint64_t next = min_of(until, simulation->slice_end);

    for (unsigned i = 0; i < simulation->count; i++)
        next = min_of(next, simulation->jobs[i].wakes_at);
    if (running && running->run_left != NEVER)
        next = min_of(next, simulation->now + running->run_left);
    if (running && running->burst_left != NEVER)
        next = min_of(next, simulation->now + running->burst_left);
    return next;
}

void simulation_run(struct simulation *simulation, uint64_t until)
{
    for (;;) {
        wake_due(simulation);
        struct job *running = simulation->running;
        if (running && (running->run_left == 0 || running->burst_left == 0)) {
            finish_burst(simulation);
        } else if (simulation->now >= simulation->slice_end) {
            simulation->running->thread.policy.slice_left = 0;
            simulation->slice_end = NEVER;
            preempt(simulation);
        } else if (simulation->now == until) {
            return;
        } else {
            advance(simulation, next_moment(simulation, until));
        }
    }
}
