// The policies against schedules that were worked out by hand, most of them from the chapters 7 to
// 9 of "Operating Systems: Three Easy Pieces": test/host/schedules/, whose README says how to read
// them.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/sched.h"
#include "sched/lottery.h"
#include "sched/weight.h"
#include "simulator.h"
#include "test.h"

#define UNIT 1000ull // ticks of one unit of a file's time
#define SECOND (1000000 * UNIT)
#define LINE_SIZE 1024
#define RECORD_SIZE 4096

static struct simulation simulation;
static char expected[RECORD_SIZE], record[RECORD_SIZE];
static size_t expected_length;

static char *word(void)
{
    char *next = strtok(NULL, " \n");
    CHECK(next != NULL);
    return next;
}

static uint64_t number(void)
{
    char *end, *text = word();
    double value = strtod(text, &end);
    CHECK(*end == '\0');
    return (uint64_t)(value * UNIT + 0.5);
}

static const struct policy *policy_named(const char *name)
{
    CHECK(policy_choose(name));
    return policy_chosen;
}

static void read_policy(void)
{
    const struct policy *policy = policy_named(word());
    uint64_t slice = number();

    simulation_start(&simulation, policy, slice, SECOND);
    simulation.unit = UNIT;
    simulation.record = record;
    simulation.record_size = sizeof(record);
}

static void set_realtime(struct job *job, uint8_t policy)
{
    job->thread.policy.rights.policy = policy;
    job->thread.policy.rights.realtime_priority = (uint8_t)(number() / UNIT);
}

static void read_job(void)
{
    struct job *job = simulation_add(&simulation, word()[0], 0, WEIGHT_NICE_0);

    for (char *key; (key = strtok(NULL, " \n"));) {
        if (strcmp(key, "tickets") == 0)
            job->thread.policy.weight = (uint32_t)(number() / UNIT);
        else if (strcmp(key, "arrives") == 0)
            job->arrives = job->wakes_at = number();
        else if (strcmp(key, "runs") == 0)
            job->run_left = number();
        else if (strcmp(key, "burst") == 0)
            job->burst = number();
        else if (strcmp(key, "away") == 0)
            job->away = number();
        else if (strcmp(key, "yields") == 0)
            job->yields = true;
        else if (strcmp(key, "fifo") == 0)
            set_realtime(job, SCHED_FIFO);
        else if (strcmp(key, "rr") == 0)
            set_realtime(job, SCHED_RR);
        else
            test_fail(__FILE__, __LINE__, "a job's \"%s\" is unknown", key);
    }
}

static void read_per_level(uint64_t values[MLFQ_LEVELS])
{
    for (unsigned level = 0; level < MLFQ_LEVELS; level++)
        values[level] = number();
}

static void read_realtime(void)
{
    simulation.queue.realtime.window_ticks = number();
    simulation.queue.realtime.budget_ticks = number();
    simulation.queue.realtime.slice_ticks = number();
}

// "A*3 B" is AAAB.
static void read_expected(void)
{
    for (char *part; (part = strtok(NULL, " \n"));) {
        unsigned long count = part[1] == '*' ? strtoul(part + 2, NULL, 10) : 1;
        CHECK(part[1] == '*' || part[1] == '\0');
        for (; count != 0; count--) {
            CHECK(expected_length < sizeof(expected) - 1);
            expected[expected_length++] = part[0];
        }
    }
}

static void read_line(char *line)
{
    char *key = strtok(line, " \n");

    if (!key || key[0] == '#')
        return;
    if (strcmp(key, "policy") == 0)
        read_policy();
    else if (strcmp(key, "slices") == 0)
        read_per_level(simulation.queue.mlfq.slice_ticks);
    else if (strcmp(key, "allotments") == 0)
        read_per_level(simulation.queue.mlfq.allotment_ticks);
    else if (strcmp(key, "boost") == 0)
        simulation.queue.mlfq.boost_ticks = number();
    else if (strcmp(key, "realtime") == 0)
        read_realtime();
    else if (strcmp(key, "job") == 0)
        read_job();
    else if (strcmp(key, "expect") == 0)
        read_expected();
    else
        test_fail(__FILE__, __LINE__, "the line's \"%s\" is unknown", key);
}

static FILE *open_schedule(const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "test/host/schedules/%s", name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    return file;
}

static void check_schedule(const char *name)
{
    char line[LINE_SIZE];
    FILE *file = open_schedule(name);

    while (fgets(line, sizeof(line), file))
        read_line(line);
    fclose(file);
    CHECK(expected_length != 0);
    simulation_run(&simulation, expected_length * UNIT);
    CHECK_TEXT(record, expected);
}

#define SCHEDULE(name)                                                                             \
    TEST(policy_schedule_##name)                                                                   \
    {                                                                                              \
        check_schedule(#name);                                                                     \
    }

SCHEDULE(rr_three_jobs)
SCHEDULE(rr_io)
SCHEDULE(mlfq_short_job_arrives)
SCHEDULE(mlfq_io_beside_cpu)
SCHEDULE(mlfq_starves)
SCHEDULE(mlfq_boost)
SCHEDULE(mlfq_gaming)
SCHEDULE(mlfq_longer_slices)
SCHEDULE(stride_three_jobs)
SCHEDULE(stride_late_arrival)
SCHEDULE(fair_equal)
SCHEDULE(fair_two_to_one)
SCHEDULE(fair_sleeper)
SCHEDULE(fair_many)
SCHEDULE(fair_no_hoarding)
SCHEDULE(fifo_before_others)
SCHEDULE(rr_among_equals)
SCHEDULE(realtime_budget)

// The drawings of the book: line 1 the winning tickets, line 2 who has them.
TEST(policy_lottery_draws_as_the_book)
{
    char tickets[LINE_SIZE], winners[LINE_SIZE];
    FILE *file = open_schedule("lottery_draws");
    do
        CHECK(fgets(tickets, sizeof(tickets), file) != NULL);
    while (tickets[0] == '#');
    CHECK(fgets(winners, sizeof(winners), file) != NULL);
    fclose(file);

    simulation_start(&simulation, &policy_lottery, UNIT, SECOND);
    struct job *b = simulation_add(&simulation, 'B', 0, 25);
    struct job *a = simulation_add(&simulation, 'A', 0, 75);
    policy_enqueue(&simulation.queue, &b->thread, RUNNABLE_WOKEN);
    policy_enqueue(&simulation.queue, &a->thread, RUNNABLE_WOKEN);
    unsigned count = 0;
    const char *winner = winners;
    for (char *text = strtok(tickets, " \n"); text; text = strtok(NULL, " \n"), winner += 2) {
        struct thread *thread = lottery_take(&simulation.queue, strtoul(text, NULL, 10));
        CHECK_EQUAL(container_of(thread, struct job, thread)->letter, *winner);
        policy_enqueue(&simulation.queue, thread, RUNNABLE_SLICE_OVER);
        count++;
    }
    CHECK_EQUAL(count, 20);
}
