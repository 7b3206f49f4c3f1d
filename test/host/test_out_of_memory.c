// Who dies when no page is to be had: four processes, of which the test says who is how large, who
// has ended and how much memory is free while the asker pauses. The rest of proc/ is played here.
#include <string.h>

#include "abi/signal.h"
#include "cpu/clock.h"
#include "cpu/percpu.h"
#include "debug/fail.h"
#include "mem/page_table.h"
#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"
#include "sched/wait.h"
#include "stubs.h"
#include "test.h"
#include "threads.h"

#define PAUSE_NS 1000000ull
#define SECOND_NS 1000000000ull
#define ADDRESS 0x1000u
#define KILL SIGNAL_BIT(SIGKILL)

enum { INIT, SMALL, LARGE, ASKER, COUNT };

static struct process processes[COUNT];
static struct address_space spaces[COUNT];
static uint64_t free_frames, pauses, kills[COUNT];
static void (*after_pause)(void);
static bool all_locked;

// As kernel/proc/out_of_memory.c is built here, it counts frames and tables by these.
void memory_test_frames(struct frame_counts *counts);
uint64_t memory_test_tables(uint64_t root);

void memory_test_frames(struct frame_counts *counts)
{
    *counts = (struct frame_counts){ .free = free_frames };
}

uint64_t memory_test_tables(uint64_t root)
{
    return 1;
}

struct process *process_next_locked(const struct process *process)
{
    CHECK(all_locked);
    struct process *next = process ? &processes[process - processes + 1] : processes;
    return next == processes + COUNT ? NULL : next;
}

void process_lock(struct process *process)
{
    CHECK(!all_locked);
}

void process_unlock(struct process *process)
{
}

void process_lock_all(void)
{
    all_locked = true;
}

void process_unlock_all(void)
{
    all_locked = false;
}

void process_reference(struct process *process)
{
    atomic_fetch_add(&process->references, 1);
}

void process_release(struct process *process)
{
    atomic_fetch_sub(&process->references, 1);
}

int signal_send_locked(struct process *process, struct thread *thread,
                       const struct abi_siginfo *info, const struct process *sender)
{
    CHECK(all_locked && info->signal == SIGKILL);
    process->pending_signals.set |= KILL;
    kills[process - processes]++;
    return 0;
}

bool signal_death_begin(struct process *process)
{
    return process->exiting || (process->pending_signals.set & KILL);
}

void signal_end_process(uint32_t signal)
{
    CHECK_EQUAL(signal, SIGKILL);
    current_process()->exiting = true;
    kills[current_process() - processes]++;
}

void wait_prepare_alone(enum wait_kind kind)
{
    CHECK_EQUAL(kind, WAIT_UNINTERRUPTIBLE); // a signal that is pending must not make it spin
}

void wait_finish_alone(void)
{
}

static void pass_a_pause(void)
{
    pauses++;
    clock_spin_ns(PAUSE_NS);
    if (after_pause)
        after_pause();
}

static bool ask_as(unsigned index)
{
    current_thread()->owner = &processes[index];
    pauses = 0;
    return process_wait_for_memory(ADDRESS);
}

static void begin(void)
{
    static const uint64_t pages[COUNT] = { 5000, 100, 1000, 10 };
    for (unsigned i = 0; i < COUNT; i++) {
        processes[i].pid = INIT_PID + i;
        atomic_store(&processes[i].references, 1);
        atomic_store(&spaces[i].resident_pages, pages[i]);
        atomic_store(&processes[i].space, &spaces[i]);
    }
    before_wait_block = pass_a_pause;
}

static void expect_kills(uint64_t small, uint64_t large, uint64_t asker)
{
    CHECK_EQUAL(kills[INIT], 0);
    CHECK_EQUAL(kills[SMALL], small);
    CHECK_EQUAL(kills[LARGE], large);
    CHECK_EQUAL(kills[ASKER], asker);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQUAL(atomic_load(&processes[i].references), 1);
}

static void end_large_at_third(void)
{
    if (pauses == 3)
        atomic_store(&processes[LARGE].state, PROCESS_ZOMBIE);
}

TEST(out_of_memory_takes_the_largest_but_init)
{
    begin();
    after_pause = end_large_at_third;
    CHECK(ask_as(ASKER));
    CHECK_EQUAL(pauses, 3);
    expect_kills(0, 1, 0);
}

static void ask_in_between(void)
{
    after_pause = end_large_at_third;
    atomic_store(&spaces[LARGE].resident_pages, 10);
    CHECK(ask_as(SMALL));
    free_frames = 1000;
}

// The other asks while the first one's victim is still there, and has most no longer.
TEST(out_of_memory_takes_no_second_while_one_dies)
{
    begin();
    after_pause = ask_in_between;
    CHECK(ask_as(ASKER));
    expect_kills(0, 1, 0);
}

// It has left its space, so that nothing counts as its own: what comes back is the next's.
TEST(out_of_memory_waits_for_who_has_left_its_space)
{
    begin();
    processes[SMALL].exiting = true;
    atomic_store(&processes[SMALL].space, NULL);
    after_pause = end_large_at_third; // too late
    CHECK(ask_as(INIT) == false);     // in vain, and init does not die of it
    CHECK(pauses * PAUSE_NS >= SECOND_NS / 2 && pauses * PAUSE_NS <= SECOND_NS);
    expect_kills(0, 0, 0);
}

// It waits in the kernel, maybe for what the asker holds: the asker gives way, and the next one to
// ask does not wait for the same again.
TEST(out_of_memory_passes_over_who_is_stuck)
{
    begin();
    CHECK(!ask_as(ASKER));
    CHECK(pauses * PAUSE_NS <= SECOND_NS);
    expect_kills(0, 1, 1);
    atomic_store(&processes[ASKER].state, PROCESS_ZOMBIE);
    clock_spin_ns(SECOND_NS);
    CHECK(!ask_as(SMALL)); // who has most now is itself
    CHECK_EQUAL(pauses, 0);
    expect_kills(1, 1, 1);
}

TEST(out_of_memory_kills_nobody_when_memory_came_back)
{
    begin();
    free_frames = 1000;
    for (unsigned i = 0; i < 100; i++) {
        CHECK(ask_as(ASKER));
        CHECK_EQUAL(pauses, 1);
    }
    expect_kills(0, 0, 0);
}

// What is free is of no use to who asks again and again: within a second somebody dies. Who asked
// long ago begins anew.
TEST(out_of_memory_does_not_try_for_ever)
{
    uint64_t tries = 0;
    begin();
    free_frames = 1000;
    CHECK(ask_as(ASKER));
    clock_spin_ns(3 * SECOND_NS);
    while (kills[LARGE] == 0) {
        CHECK(ask_as(ASKER));
        CHECK(++tries < 2 * SECOND_NS / PAUSE_NS);
    }
    CHECK(tries > SECOND_NS / PAUSE_NS / 2);
    expect_kills(0, 1, 0);
}

TEST(out_of_memory_of_who_dies_already)
{
    begin();
    processes[ASKER].exiting = true;
    CHECK(!ask_as(ASKER));
    CHECK_EQUAL(pauses, 0);
    expect_kills(0, 0, 0);
}

static void kill_asker(void)
{
    processes[ASKER].pending_signals.set |= KILL;
}

TEST(out_of_memory_of_who_is_killed_meanwhile)
{
    begin();
    after_pause = kill_asker;
    CHECK(!ask_as(ASKER));
    CHECK_EQUAL(pauses, 1);
    expect_kills(0, 1, 0);
}

#if DEBUG_CHECKS
// No memory is missing: nobody else has to do with it.
TEST(out_of_memory_on_request)
{
    struct fail_plan plan = { .memory_refused = true };
    begin();
    this_cpu()->fail_plan = &plan;
    CHECK(!ask_as(ASKER));
    expect_kills(0, 0, 1);
    plan.memory_refused = true;
    CHECK(!ask_as(INIT));
    expect_kills(0, 0, 1);
}
#endif
