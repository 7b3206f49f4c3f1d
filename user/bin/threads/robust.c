// Robust lists as the kernel finds them when a process leaves its memory: in the middle of a lock
// or an unlock, at execve, and with a list that has no end.
#include "check.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUTEX_WAIT 0 // linux/futex.h, which musl does not bring
#define WAITERS 0x80000000u
#define OWNER_DIED 0x40000000u

struct lock {
    struct lock *next;
    atomic_uint word;
};

struct list {
    struct lock *first;
    long word_offset;
    struct lock *pending;
};

// Shared with the child that holds the locks.
struct shared {
    struct list list;
    struct lock locks[2];
    atomic_int is_held;
    unsigned value; // of the pending lock, when its holder ends; TAKEN: its own number
    int stays[2];   // a pipe: what it executes ends with it
};
#define TAKEN 1u

static struct lock *end_of(struct shared *shared)
{
    return (struct lock *)&shared->list;
}

static void take(struct shared *shared, struct lock *lock, struct lock *next)
{
    lock->next = next;
    lock->word = (unsigned)own_tid() | WAITERS;
    shared->list.word_offset = offsetof(struct lock, word);
    if (syscall(SYS_set_robust_list, &shared->list, sizeof(shared->list)) != 0)
        fail("set_robust_list");
}

static long wait_for(struct lock *lock, unsigned value)
{
    struct timespec limit = { 20, 0 };
    return syscall(SYS_futex, &lock->word, FUTEX_WAIT, value, &limit, NULL, 0);
}

static int wait_for_pending(void *argument)
{
    struct shared *shared = argument;
    unsigned value = shared->locks[0].word;
    shared->is_held = 1; // it waits soon, which it finds out by itself
    return wait_for(&shared->locks[0], value) != 0;
}

static int end_while_pending(void *argument)
{
    struct shared *shared = argument;
    unsigned value = shared->value;
    take(shared, &shared->locks[0], NULL);
    shared->locks[0].word = value & TAKEN ? (unsigned)own_tid() | (value & ~TAKEN) : value;
    shared->list.first = end_of(shared);
    shared->list.pending = &shared->locks[0];
    return 0;
}

// The holder ends with `value` in the pending lock. Whoever waits for that is woken if `wakes`.
static bool pending_ends_as(unsigned value, unsigned expected, bool wakes)
{
    struct shared *shared = shared_page();
    shared->locks[0].word = value & ~TAKEN;
    shared->value = value;
    pid_t waiter = child_start(wait_for_pending, shared);
    await(&shared->is_held, 1);
    await_sleep_of(waiter);
    EXPECT(child_run(end_while_pending, shared) == 0);
    EXPECT(shared->locks[0].word == expected);
    int status;
    if (!wakes) {
        EXPECT(waitpid(waiter, &status, WNOHANG) == 0 && kill(waiter, SIGKILL) == 0);
        EXPECT(child_wait(waiter) == SIGKILL);
        return true;
    }
    EXPECT(child_wait(waiter) == 0);
    return true;
}

// A number that nobody has is not the holder's: then the lock has an owner, and nobody is told.
// With no owner it was being unlocked, or one who was woken died before he took it: the next is
// woken.
static bool test_robust_pending(void)
{
    EXPECT(pending_ends_as(TAKEN | WAITERS, OWNER_DIED | WAITERS, true));
    EXPECT(pending_ends_as(TAKEN, OWNER_DIED, false));
    EXPECT(pending_ends_as(0, 0, true));
    EXPECT(pending_ends_as(WAITERS, WAITERS, true));
    EXPECT(pending_ends_as(OWNER_DIED, OWNER_DIED, true));
    EXPECT(pending_ends_as(OWNER_DIED | WAITERS, OWNER_DIED | WAITERS, true));
    EXPECT(pending_ends_as(0x3ffffffe | WAITERS, 0x3ffffffe | WAITERS, false));
    return true;
}

static int execute_holding(void *argument)
{
    struct shared *shared = argument;
    take(shared, &shared->locks[0], end_of(shared));
    shared->list.first = &shared->locks[0];
    shared->is_held = 1;
    await(&shared->is_held, 2);
    dup2(shared->stays[0], 0);
    close(shared->stays[1]);
    program_become((char *[]){ "/proc/self/exe", "--read", NULL });
}

// What it executes lives, but has no memory in which it holds the lock.
static bool test_robust_execve(void)
{
    struct shared *shared = shared_page();
    int status;
    EXPECT(pipe(shared->stays) == 0);
    pid_t child = child_start(execute_holding, shared);
    await(&shared->is_held, 1);
    unsigned held = shared->locks[0].word;
    EXPECT(held == ((unsigned)child | WAITERS));
    shared->is_held = 2;
    EXPECT(wait_for(&shared->locks[0], held) == 0 || errno == EAGAIN);
    EXPECT(shared->locks[0].word == (OWNER_DIED | WAITERS));
    EXPECT(waitpid(child, &status, WNOHANG) == 0);
    EXPECT(write(shared->stays[1], "!", 1) == 1 && child_wait(child) == '!' << 8);
    return true;
}

static int end_with_a_circle(void *argument)
{
    struct shared *shared = argument;
    take(shared, &shared->locks[0], &shared->locks[1]);
    take(shared, &shared->locks[1], &shared->locks[0]);
    shared->list.first = &shared->locks[0];
    return 0;
}

static int end_with_a_circle_of_one(void *argument)
{
    struct shared *shared = argument;
    take(shared, &shared->locks[0], &shared->locks[0]);
    take(shared, &shared->locks[1], NULL);
    shared->list.first = &shared->locks[0];
    shared->list.pending = &shared->locks[1]; // told of all the same
    return 0;
}

static bool test_robust_circle(void)
{
    static int (*const ends[])(void *) = { end_with_a_circle, end_with_a_circle_of_one };
    for (unsigned i = 0; i < COUNT_OF(ends); i++) {
        struct shared *shared = shared_page();
        EXPECT(child_run(ends[i], shared) == 0);
        EXPECT(shared->locks[0].word == (OWNER_DIED | WAITERS));
        EXPECT(shared->locks[1].word == (OWNER_DIED | WAITERS));
    }
    return true;
}

const struct test robust_tests[] = {
    { "robust-pending", test_robust_pending },
    { "robust-execve", test_robust_execve },
    { "robust-circle", test_robust_circle },
};
const size_t robust_test_count = COUNT_OF(robust_tests);
