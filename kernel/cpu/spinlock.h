// Ranked queued spinlocks, first come, first served. Acquire turns interrupts off on this CPU and
// nests; release restores them. While one is held: no waiting for another CPU, no user memory, no
// sleeping. A CPU acquires locks in growing rank only; debug builds panic on every broken rule,
// naming both locks.
#pragma once

#include <stdatomic.h>

#include "lib/types.h"

// Outermost first. One enum for all spinlocks, so that the order can be read in one place.
enum lock_rank {
    LOCK_RANK_FS = 10,            // inode: page tree and size; a shared memory object
    LOCK_RANK_FILE_TABLE = 12,    // descriptor table slots
    LOCK_RANK_TERMINAL = 15,      // the terminal's input and settings
    LOCK_RANK_ALL_PROCESSES = 20, // by who deals with more than one process
    LOCK_RANK_PROCESS = 22,       // one process; the host name
    LOCK_RANK_PROCESS_TABLE = 24, // one bucket of the pid or the thread table
    LOCK_RANK_DRIVER = 30,        // input of the host channel
    LOCK_RANK_FUTEX = 200,        // buckets of futex waiters, a rank each: two are held at once
    LOCK_RANK_FUTEX_LAST = 399,
    LOCK_RANK_WAIT_QUEUE = 400, // list of waiters
    LOCK_RANK_RUN_QUEUE = 500,  // one CPU's runnable threads; the only one that crosses a switch
    LOCK_RANK_TIMER = 600,      // one CPU's timer queue
    LOCK_RANK_KERNEL_MAP = 700, // kernel page tables, stack area
    LOCK_RANK_QUARANTINE = 790, // objects given back (SAN=1)
    LOCK_RANK_CACHE = 800,      // one object cache
    LOCK_RANK_FRAMES = 900,     // frame allocator
    LOCK_RANK_LOG = 1000,       // log ring and its sinks
};

struct spinlock {
    union {
        _Atomic(uint64_t) word; // 0: free; who waits last, and whether it is held (spinlock.c)
        atomic_uchar is_held;
    };
    const char *name;
    enum lock_rank rank;
};

#define SPINLOCK_INIT(lock_name, lock_rank)                                                        \
    {                                                                                              \
        .name = (lock_name), .rank = (lock_rank)                                                   \
    }

static inline void spinlock_init(struct spinlock *lock, const char *name, enum lock_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(name, rank);
}

void spinlock_acquire(struct spinlock *lock);
void spinlock_release(struct spinlock *lock);
// The same for a caller who knows that interrupts are on and no spinlock is held, and that they are
// on again afterwards: the scheduler, once a switch. The pair may stand on two threads' stacks.
void spinlock_acquire_outermost(struct spinlock *lock);
void spinlock_release_outermost(struct spinlock *lock);
// Debug builds: panics unless this CPU holds exactly `count` spinlocks.
void spinlock_assert_held_count(uint32_t count);
// Called with interrupts off, again and again, by a CPU that has waited for longer than
// spinlock_stall_ticks (TSC), with how long; it may panic. Both are set once, at boot; NULL: nobody
// is told.
extern void (*spinlock_stalled)(const struct spinlock *lock, uint64_t waited_ticks);
extern uint64_t spinlock_stall_ticks;
// Set at boot, before a second CPU runs, where a hypervisor may stop a CPU at any time: the next
// one in a queue may not be running when its turn comes, and all behind it would wait for that.
// Then whoever looks first has the lock.
extern bool spinlocks_are_crowds;
