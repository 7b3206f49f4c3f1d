// One-shot timers, kept in a heap per CPU. The callback runs in the timer interrupt of the CPU
// where the timer was armed, interrupts off, no lock held: it may wake threads and set work,
// nothing longer.
#pragma once

#include "lib/heap.h"
#include "sched/thread.h"

struct run_queue;
struct timer_queue;

struct timer {
    struct heap_node node;
    void (*callback)(struct timer *timer);
    _Atomic(struct run_queue *) queue; // of the CPU whose heap it is in; NULL when not armed
    atomic_uint callbacks_running;
};

void timer_init(struct timer *timer, void (*callback)(struct timer *timer));
// Arms on this CPU, or re-arms, wherever it was armed. Deadline in kernel-clock ns. Any context. Of
// two calls for one timer at the same time one wins; who must know which holds a lock.
void timer_arm(struct timer *timer, uint64_t deadline_ns);
// After this the timer is not armed, and the callback does not run and is not running, on any CPU.
// True when it was still armed. Waits for a callback that runs on another CPU: so with no lock that
// the callback takes, and not from the callback.
bool timer_cancel(struct timer *timer);

// For the scheduler: calls back what is due on this CPU at that TSC value. Interrupts off.
void timer_expire_due(uint64_t now);
void timer_queue_init(struct timer_queue *queue);
