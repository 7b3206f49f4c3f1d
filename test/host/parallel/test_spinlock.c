// The queued spinlock with CPUs that are threads: exclusion, order, any order of release, what it
// tells about waiting.
#include <pthread.h>
#include <string.h>

#include "cpu/interrupts.h"
#include "cpu/lock_statistics.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "parallel/cpus.h"
#include "test.h"

#define CPUS 4u
#define TURNS 5000u

static struct spinlock first = SPINLOCK_INIT("first", LOCK_RANK_FS);
static struct spinlock second = SPINLOCK_INIT("second", LOCK_RANK_PROCESS);
static uint64_t first_count, second_count; // plain: the locks make them exact

static void count_under_locks(uint32_t number)
{
    for (uint32_t i = 0; i < TURNS; i++) {
        spinlock_acquire(&first);
        first_count++;
        spinlock_acquire(&second);
        second_count++;
        // In both orders.
        spinlock_release(i % 2 == 0 ? &first : &second);
        if (i % 2 == 0)
            second_count++;
        spinlock_release(i % 2 == 0 ? &second : &first);
        spinlock_acquire(&second);
        second_count++;
        spinlock_release(&second);
    }
}

static uint64_t waits_for(const char *name)
{
    struct lock_statistics statistics;

    for (uint32_t i = 0; lock_statistics_get(i, &statistics); i++) {
        if (strcmp(statistics.name, name) == 0) {
            CHECK(statistics.longest_ticks <= statistics.ticks);
            return statistics.waits;
        }
    }
    return 0;
}

TEST(spinlock_excludes)
{
    cpus_run(CPUS, count_under_locks);
    CHECK_EQUAL(first_count, CPUS * TURNS);
    CHECK_EQUAL(second_count, CPUS * (2 * TURNS + TURNS / 2));
    CHECK_EQUAL(atomic_load(&first.word), 0);
    CHECK_EQUAL(atomic_load(&second.word), 0);
    for (uint32_t i = 0; i < CPUS; i++)
        CHECK_EQUAL(cpu_by_number(i)->lock_wait_depth, 0);
}

TEST(spinlock_excludes_without_a_queue)
{
    spinlocks_are_crowds = true;
    cpus_run(CPUS, count_under_locks);
    CHECK_EQUAL(first_count, CPUS * TURNS);
    CHECK_EQUAL(second_count, CPUS * (2 * TURNS + TURNS / 2));
    CHECK_EQUAL(atomic_load(&first.word), 0);
}

// The word's upper part names the last who waits.
static uint64_t last_waiter(void)
{
    return atomic_load(&first.word) >> 8;
}

static uint32_t order[HOST_CPU_LIMIT];
static uint32_t arrived; // under the lock
static atomic_uint may_come;

// CPU 0 has the lock; the others join one after the other, each when the one before is in line.
static void come_in_order(uint32_t number)
{
    if (number == 0) {
        spinlock_acquire(&first);
        for (uint32_t next = 1; next < cpu_count(); next++) {
            uint64_t before = last_waiter();
            atomic_store(&may_come, next);
            while (last_waiter() == before)
                cpu_relax();
        }
        spinlock_release(&first);
        return;
    }
    while (atomic_load(&may_come) < number)
        cpu_relax();
    spinlock_acquire(&first);
    order[arrived++] = number;
    spinlock_release(&first);
}

TEST(spinlock_serves_in_order)
{
    for (uint32_t round = 0; round < 50; round++) {
        arrived = 0;
        atomic_store(&may_come, 0);
        cpus_run(HOST_CPU_LIMIT, come_in_order);
        CHECK_EQUAL(arrived, HOST_CPU_LIMIT - 1);
        for (uint32_t i = 0; i < arrived; i++)
            CHECK_EQUAL(order[i], i + 1);
    }
    // Who came while it was held waited, and nobody else did.
    CHECK_EQUAL(waits_for("first"), 50 * (HOST_CPU_LIMIT - 1));
    CHECK_EQUAL(waits_for("second"), 0);
}

TEST(spinlock_alone_leaves_no_trace)
{
    for (uint32_t i = 0; i < TURNS; i++) {
        spinlock_acquire(&first);
        CHECK(atomic_load(&first.is_held) != 0);
        spinlock_release(&first);
    }
    CHECK_EQUAL(waits_for("first"), 0);
}

static void take_in_queue(uint32_t number)
{
    if (number == 0)
        spinlock_acquire(&first);
    cpus_meet();
    if (number == 0) { // until the other one waits
        while (last_waiter() == 0)
            cpu_relax();
        spinlock_release(&first);
        return;
    }
    // As an NMI's handler after which nothing else fits: no place in the queue.
    this_cpu()->lock_wait_depth = LOCK_WAIT_LIMIT - 1 + (number == 2);
    spinlock_acquire(&first);
    first_count++;
    spinlock_release(&first);
}

TEST(spinlock_without_a_place_waits_as_well)
{
    cpus_run(3, take_in_queue);
    CHECK_EQUAL(first_count, 2);
    CHECK_EQUAL(atomic_load(&first.word), 0);
}

static atomic_uint stalls;

static void note_stall(const struct spinlock *lock, uint64_t waited_ticks)
{
    CHECK(lock == &first && waited_ticks > spinlock_stall_ticks);
    CHECK(!interrupts_are_on());
    atomic_fetch_add(&stalls, 1);
}

static void hold_too_long(uint32_t number)
{
    if (number == 0)
        spinlock_acquire(&first);
    cpus_meet();
    if (number != 0)
        spinlock_acquire(&first);
    while (number == 0 && atomic_load(&stalls) == 0)
        cpu_relax();
    spinlock_release(&first);
}

TEST(spinlock_tells_who_waits_too_long)
{
    spinlock_stall_ticks = 20000000;
    spinlock_stalled = note_stall;
    cpus_run(2, hold_too_long);
    CHECK(atomic_load(&stalls) > 0);
}

TEST(spinlock_ranks_are_checked)
{
    spinlock_acquire(&second);
    if (DEBUG_CHECKS)
        CHECK_PANICS(spinlock_acquire(&first), "lock order broken: first");
}

TEST(spinlock_twice_panics)
{
    spinlock_acquire(&first);
    if (DEBUG_CHECKS)
        CHECK_PANICS(spinlock_acquire(&first), "twice");
}

static char names[80][8];

TEST(lock_statistics_beyond_the_table)
{
    struct lock_statistics last = { 0 };
    uint64_t sum = 0;

    for (uint32_t i = 0; i < 80; i++) {
        names[i][0] = 'a';
        names[i][1] = (char)('0' + i / 10);
        names[i][2] = (char)('0' + i % 10);
        lock_wait_noted(LOCK_KIND_MUTEX, names[i], i, i + 1);
    }
    for (uint32_t i = 0; lock_statistics_get(i, &last); i++)
        sum += last.waits;
    CHECK_EQUAL(sum, 80);
    CHECK_TEXT(last.name, "others");
    CHECK_EQUAL(last.longest_ticks, 80);
    CHECK_EQUAL(last.kind, LOCK_KIND_MUTEX);
}
