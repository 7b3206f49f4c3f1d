// Wait queues. The protocol, in this order, loses no wake-up:
//
//     struct waiter waiter = { 0 };                            // zeroed: not in a queue yet
//     for (;;) {
//         wait_prepare(&queue, &waiter, WAIT_INTERRUPTIBLE);   // BLOCKED, and in the queue
//         if (condition)                                       // looked at after that
//             break;
//         result = wait_block(deadline_ns);                    // sleeps unless woken meanwhile
//         if (result) break;                                   // -ERESTARTSYS or -ETIMEDOUT
//     }
//     wait_finish(&queue, &waiter);                            // RUNNING, and out of the queue
//
// Whoever makes the condition true calls wait_wake() afterwards. Between prepare and block nothing
// may sleep or touch user memory (asserted): the state is already BLOCKED.
//
// Who waits in many queues lets others run while it enters them and looks, being RUNNING:
//
//     for (;;) {
//         wait_many_begin();                    // no wake-up is forgotten from now on
//         wait_enter(&queue, &waiter);          // each queue; nothing if it is in there
//         if (condition) break;                 // may take long, or sleep
//         result = wait_many_block(deadline_ns); // 0 at once if a wake-up came since
//         if (result) break;
//     }
//     wait_finish(&queue, &waiter);             // each queue
//
// Whoever wakes keeps the queue until wait_wake() has returned: the woken thread does not wait for
// that.
#pragma once

#include "cpu/spinlock.h"
#include "lib/list.h"
#include "sched/thread.h"

struct wait_queue {
    struct spinlock lock;
    struct list_node waiters;
};

struct waiter {
    struct list_node link;
    _Atomic(struct thread *) thread; // NULL while not in a queue; changed under the queue's lock
};

enum wait_kind { WAIT_INTERRUPTIBLE, WAIT_UNINTERRUPTIBLE };

#define WAIT_FOREVER UINT64_MAX

void wait_queue_init(struct wait_queue *queue);
void wait_prepare(struct wait_queue *queue, struct waiter *waiter, enum wait_kind kind);
// 0: woken (look at the condition again); -ETIMEDOUT; -ERESTARTSYS: work for
// the exit gate is pending. A system call that returns it is repeated or becomes -EINTR there.
// Deadline in kernel-clock ns. May sleep, of course.
must_check int wait_block(uint64_t deadline_ns);
void wait_finish(struct wait_queue *queue, struct waiter *waiter);
// The running thread's waiters of one wait in many queues. wait_many_block() is interruptible, and
// returns as wait_block() does, RUNNING; also without a sleep it tells of work and the deadline.
void wait_many_begin(void);
void wait_enter(struct wait_queue *queue, struct waiter *waiter);
must_check int wait_many_block(uint64_t deadline_ns);
// Wakes all waiters, or the first `count`, and takes them out of the queue. Any context; many are
// woken in pieces, the lock let go in between. The condition must be true already.
void wait_wake_all(struct wait_queue *queue);
void wait_wake(struct wait_queue *queue, uint32_t count);
// False: wait_wake() would find nobody, or another one is about to wake them all. The condition
// must be true already, by a locked instruction or with one after it: who is not in the queue by
// then sees it.
static inline bool wait_queue_has_waiters(const struct wait_queue *queue)
{
    return !list_is_empty(&queue->waiters);
}
// For who keeps a queue of his own (proc/futex.c), whose lock is held at the first: the first in
// place of wait_prepare(), the second of wait_finish(). Whoever wakes calls thread_wake() under
// that lock, so that the thread is still there.
void wait_prepare_alone(enum wait_kind kind);
void wait_finish_alone(void);
// Sleeps until the deadline; 0 when it passed, -ERESTARTSYS when interrupted.
must_check int sleep_until(uint64_t deadline_ns);
