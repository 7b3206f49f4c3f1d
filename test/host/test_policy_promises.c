// What the policies promise beyond single schedules: shares by weight, a bound on waiting, chance
// that is fair, accounts that survive a move to another CPU, and that nobody is ever lost.
#include <math.h>

#include "abi/sched.h"
#include "sched/weight.h"
#include "simulator.h"
#include "test.h"

#define SLICE 10000ull
#define SECOND (100 * SLICE)

static struct simulation simulation, other;

static const struct policy *const all_policies[] = { &policy_round_robin, &policy_mlfq,
                                                     &policy_stride, &policy_lottery,
                                                     &policy_fair };

static uint32_t weight_of_nice(int nice)
{
    const struct thread_rights rights = { .nice = (int8_t)nice };
    return weight_of(&rights);
}

// sched(7): each step of nice is a factor of about 1.25.
TEST(policy_weights_are_a_quarter_apart)
{
    CHECK_EQUAL(weight_of_nice(0), 1024);
    for (int nice = NICE_MINIMUM; nice < NICE_MAXIMUM; nice++) {
        double ratio = (double)weight_of_nice(nice) / weight_of_nice(nice + 1);
        CHECK(ratio > 1.25 - 0.06 && ratio < 1.25 + 0.06); // few digits at the lower end
    }
    CHECK_EQUAL(weight_of_nice(-20), 88818); // 1.25^20 is 86.736
    CHECK_EQUAL(weight_of_nice(19), 15);
}

// Shares of ten seconds in per cent of what the weights say, whatever sleeps beside.
static void check_shares(const struct policy *policy, double tolerance)
{
    static const int nices[] = { 0, 0, 5, -3, 1 };
    double weights = 0, ran = 0;

    simulation_start(&simulation, policy, SLICE, SECOND);
    for (unsigned i = 0; i < ARRAY_SIZE(nices); i++) {
        simulation_add(&simulation, 'A', i * 77, weight_of_nice(nices[i]));
        weights += weight_of_nice(nices[i]);
    }
    struct job *sleeper = simulation_add(&simulation, 'S', 0, WEIGHT_NICE_0);
    sleeper->burst = SLICE / 50;
    sleeper->away = SLICE;
    simulation_run(&simulation, 10 * SECOND);
    for (unsigned i = 0; i < ARRAY_SIZE(nices); i++)
        ran += (double)simulation.jobs[i].ran;
    for (unsigned i = 0; i < ARRAY_SIZE(nices); i++) {
        double share = (double)simulation.jobs[i].ran / ran;
        CHECK(fabs(share - weight_of_nice(nices[i]) / weights) < tolerance);
    }
    CHECK(sleeper->ran > SECOND / 10); // and has what it wants: 1/51 of the time, nearly
}

TEST(policy_fair_shares_follow_weights)
{
    check_shares(&policy_fair, 0.005);
}

TEST(policy_stride_shares_follow_weights)
{
    check_shares(&policy_stride, 0.005);
}

// 1000 drawings: four standard deviations of the largest share are 0.06.
TEST(policy_lottery_shares_follow_tickets_by_chance)
{
    check_shares(&policy_lottery, 0.06);
}

// 3 : 2 : 1 in 60000 drawings; chi-square with two degrees of freedom stays below 18.4 in all but
// one of 10000 cases, and this is always the same case.
TEST(policy_lottery_is_fair_chance)
{
    static const uint32_t tickets[] = { 300, 200, 100 };
    double sum = 0, chi_square = 0;

    simulation_start(&simulation, &policy_lottery, SLICE, SECOND);
    for (unsigned i = 0; i < 3; i++)
        simulation_add(&simulation, 'A', 0, tickets[i]);
    simulation_run(&simulation, 60000 * SLICE);
    for (unsigned i = 0; i < 3; i++) {
        double expected = 10000.0 * (3 - i), had = (double)simulation.jobs[i].ran / SLICE;
        chi_square += (had - expected) * (had - expected) / expected;
        sum += had;
    }
    CHECK(sum == 60000);
    CHECK(chi_square < 18.4);
    CHECK(chi_square > 0); // and is no turn-taking
}

static void check_waits(uint64_t bound)
{
    for (unsigned i = 0; i < simulation.count; i++) {
        if (simulation.jobs[i].longest_wait > bound)
            test_fail(__FILE__, __LINE__, "%u of %u waited %llu, not %llu", i, simulation.count,
                      (unsigned long long)simulation.jobs[i].longest_wait,
                      (unsigned long long)bound);
        simulation.jobs[i].longest_wait = 0;
    }
}

// The bounds that fair.c states, once all are there, and at first.
static void check_bound(unsigned loops)
{
    simulation_start(&simulation, &policy_fair, SLICE, SECOND);
    for (unsigned i = 0; i < loops; i++)
        simulation_add(&simulation, 'A', 2 * i, WEIGHT_NICE_0);
    simulation_run(&simulation, 2 * loops * SLICE);
    check_waits(loops * (SLICE + SLICE / 2));
    simulation_run(&simulation, 20 * SECOND);
    check_waits(max_of(2 * SLICE, loops * (SLICE / 8)));
}

static void check_bound_with_sleepers(unsigned loops, unsigned sleepers)
{
    simulation_start(&simulation, &policy_fair, SLICE, SECOND);
    for (unsigned i = 0; i < loops; i++)
        simulation_add(&simulation, 'A', 2 * i, WEIGHT_NICE_0);
    for (unsigned i = 0; i < sleepers; i++) {
        struct job *job = simulation_add(&simulation, 'S', 3 * i, WEIGHT_NICE_0);
        job->burst = 1 + random_below(3 * SLICE);
        job->away = 1 + random_below(20 * SLICE);
    }
    simulation_run(&simulation, 20 * SECOND);
    check_waits((loops + sleepers) * (SLICE + SLICE / 2));
}

TEST(policy_fair_bounds_waiting)
{
    for (unsigned loops = 1; loops <= 40; loops++)
        check_bound(loops);
    for (unsigned turn = 0; turn < 50; turn++)
        check_bound_with_sleepers(1 + (unsigned)random_below(20), (unsigned)random_below(12));
}

// Beside a loop, who sleeps runs the moment it is woken.
TEST(policy_sleepers_run_at_once_beside_a_loop)
{
    for (unsigned i = 0; i < ARRAY_SIZE(all_policies); i++) {
        simulation_start(&simulation, all_policies[i], SLICE, SECOND);
        simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
        struct job *sleeper = simulation_add(&simulation, 'S', 1, WEIGHT_NICE_0);
        sleeper->burst = SLICE / 1000;
        sleeper->away = SLICE;
        simulation_run(&simulation, 2 * SLICE);
        sleeper->longest_wait = 0; // the first time it is new
        simulation_run(&simulation, 50 * SLICE);
        CHECK_EQUAL(sleeper->longest_wait, 0);
    }
}

// fair.c: half a slice is what a sleeper may be behind. realtime.c: 95 % of a second.
TEST(policy_limits_are_as_stated)
{
    simulation_start(&simulation, &policy_fair, SLICE, SECOND);
    struct job *loop = simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
    struct job *sleeper = simulation_add(&simulation, 'S', 0, WEIGHT_NICE_0);
    sleeper->burst = 10;
    sleeper->away = 50 * SLICE;
    simulation_run(&simulation, 60 * SLICE + 10); // its second burst began at that moment
    while (simulation.running != sleeper)
        simulation_run(&simulation, simulation.now + 1);
    CHECK_EQUAL(loop->thread.policy.virtual_time - sleeper->thread.policy.virtual_time, SLICE / 2);
    CHECK_EQUAL(simulation.queue.realtime.window_ticks, SECOND);
    CHECK_EQUAL(simulation.queue.realtime.budget_ticks, SECOND / 100 * 95);
    CHECK_EQUAL(simulation.queue.realtime.slice_ticks, SECOND / 10);
}

// An hour alone is nothing to make up for when another comes.
TEST(policy_nobody_pays_for_time_alone)
{
    for (unsigned i = 0; i < ARRAY_SIZE(all_policies); i++) {
        simulation_start(&simulation, all_policies[i], SLICE, SECOND);
        struct job *alone = simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
        simulation_add(&simulation, 'B', 3600 * SECOND, WEIGHT_NICE_0);
        simulation_run(&simulation, 3600 * SECOND);
        alone->longest_wait = 0;
        simulation_run(&simulation, 3602 * SECOND);
        // Seven wins of the other in a row have happened by then, in a lottery.
        CHECK(alone->longest_wait <= 20 * SLICE);
        CHECK(alone->ran > 3600 * SECOND + 2 * SECOND / 3);
    }
}

// Two that yield to each other take turns; who yields alone goes on.
TEST(policy_yield_lets_others_go)
{
    for (unsigned i = 0; i < ARRAY_SIZE(all_policies); i++) {
        simulation_start(&simulation, all_policies[i], SLICE, SECOND);
        for (unsigned k = 0; k < 2; k++) {
            struct job *job = simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
            job->burst = 10;
            job->yields = true;
        }
        simulation_run(&simulation, 10 * SLICE);
        CHECK(simulation.jobs[0].ran > 4 * SLICE && simulation.jobs[1].ran > 4 * SLICE);
        CHECK(simulation.switches >= 990);
    }
}

// As another CPU does it: B, that ran a slice, is taken from one queue and put into one where C ran
// for `slices`. Returns by how much B is behind there.
static uint64_t behind_after_move(const struct policy *policy, uint64_t slices)
{
    simulation_start(&simulation, policy, SLICE, SECOND);
    simulation_start(&other, policy, SLICE, SECOND);
    simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
    struct job *moved = simulation_add(&simulation, 'B', 0, WEIGHT_NICE_0);
    simulation_add(&other, 'C', 0, WEIGHT_NICE_0);
    simulation_run(&simulation, 2 * SLICE + SLICE / 2); // A, B, half of A's second slice
    simulation_run(&other, slices * SLICE);
    policy_account(&other.queue, other.now);
    CHECK(policy_steal(&simulation.queue, 1) == &moved->thread);
    CHECK(policy_steal(&simulation.queue, 1) == NULL);
    policy_enqueue(&other.queue, &moved->thread, RUNNABLE_MOVED);
    uint64_t behind = other.jobs[0].thread.policy.virtual_time - moved->thread.policy.virtual_time;
    moved->thread.affinity.words[0] = 1;
    CHECK(policy_steal(&other.queue, 1) == NULL);
    CHECK(policy_steal(&other.queue, 0) == &moved->thread);
    return behind;
}

// Who had less than those of the other queue is behind them there; but no account is so old that
// everybody would have to wait for it.
TEST(policy_accounts_survive_a_move)
{
    static const struct policy *const policies[] = { &policy_stride, &policy_fair };

    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
        CHECK_EQUAL(behind_after_move(policies[i], 3), 2 * SLICE);
        CHECK_EQUAL(behind_after_move(policies[i], 12345), 4 * SLICE);
    }
}

// A queue that nobody used for long begins where the others are, not where it ended.
TEST(policy_time_goes_on_without_threads)
{
    static const struct policy *const policies[] = { &policy_stride, &policy_fair };

    for (unsigned i = 0; i < ARRAY_SIZE(policies); i++) {
        simulation_start(&simulation, policies[i], SLICE, SECOND);
        simulation_add(&simulation, 'A', 0, WEIGHT_NICE_0);
        simulation_run(&simulation, 12345 * SLICE);
        simulation_start(&other, policies[i], SLICE, SECOND);
        struct job *late = simulation_add(&other, 'B', 0, WEIGHT_NICE_0);
        simulation_run(&simulation, 12346 * SLICE);
        simulation_run(&other, SLICE);
        uint64_t ahead = simulation.jobs[0].thread.policy.virtual_time;
        CHECK(ahead - late->thread.policy.virtual_time <= 4 * SLICE);
    }
}

// Rights change while threads wait, run and sleep: everybody runs on, and nobody is lost.
static void change_rights(const struct policy *policy)
{
    static const uint8_t kinds[] = { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE };

    simulation_start(&simulation, policy, SLICE, SECOND);
    for (unsigned i = 0; i < 12; i++) {
        struct job *job = simulation_add(&simulation, 'A', random_below(SLICE), WEIGHT_NICE_0);
        job->burst = 1 + random_below(2 * SLICE);
        job->away = 1 + random_below(10 * SLICE);
        job->yields = i % 4 == 0;
    }
    for (unsigned step = 1; step < 2000; step++) {
        simulation_run(&simulation, step * (SLICE / 3 + step % 7));
        struct job *job = &simulation.jobs[random_below(simulation.count)];
        uint8_t kind = kinds[random_below(ARRAY_SIZE(kinds))];
        struct thread_rights rights = { .policy = kind, .nice = (int8_t)random_below(20) };
        if (kind == SCHED_FIFO || kind == SCHED_RR)
            rights.realtime_priority = 1 + (uint8_t)random_below(99);
        bool waits = job->wakes_at == NEVER && job != simulation.running;
        policy_set_rights(&simulation.queue, &job->thread, &rights, waits, simulation.now);
    }
    const struct thread_rights ordinary = { 0 };
    for (unsigned i = 0; i < simulation.count; i++) {
        struct job *job = &simulation.jobs[i];
        bool waits = job->wakes_at == NEVER && job != simulation.running;
        policy_set_rights(&simulation.queue, &job->thread, &ordinary, waits, simulation.now);
        job->ran = 0;
    }
    simulation_run(&simulation, simulation.now + 20 * SECOND);
    for (unsigned i = 0; i < simulation.count; i++)
        CHECK(simulation.jobs[i].ran > 0);
}

TEST(policy_rights_change_at_any_moment)
{
    for (unsigned turn = 0; turn < 5; turn++) {
        for (unsigned i = 0; i < ARRAY_SIZE(all_policies); i++)
            change_rights(all_policies[i]);
    }
}
