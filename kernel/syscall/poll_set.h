// Waiting for several files at once: what poll and select share.
#pragma once

#include "fs/file.h"
#include "sched/scheduler.h"
#include "sched/wait.h"
#include "syscall/linux.h"

#define POLL_PIECE 64u    // so many files are served between two preemption points
#define POLL_NO_WAIT 0ull // as a deadline: look once

struct poll_entry {
    struct file *file;    // NULL: nothing to look at
    uint16_t always;      // events that count whether they are asked for or not
    uint32_t chain, next; // of queues with the same hash: a number, plus one
    struct wait_queue *queue;
    struct waiter waiter;
};

struct poll_set {
    struct abi_pollfd *requests;
    struct poll_entry *entries;
    uint32_t count;
};

// In loops over the files, after each.
static inline void poll_pass(uint32_t number)
{
    if (unlikely(number % POLL_PIECE == POLL_PIECE - 1))
        preempt_point();
}

// Room for `count` requests, all empty. -ENOMEM. Whatever is returned, poll_set_free() follows,
// which releases the files as well.
must_check int poll_set_allocate(struct poll_set *set, uint32_t count);
void poll_set_free(struct poll_set *set);
// Looks at every file, then waits on all of their queues. The number of requests whose `revents` is
// not 0; 0 when the deadline (kernel clock) passed; -ERESTARTNOHAND.
must_check int64_t poll_set_wait(struct poll_set *set, uint64_t deadline_ns);
