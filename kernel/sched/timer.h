// One-shot timers, kept in a heap per CPU. The callback runs in the timer interrupt, interrupts
// off, no lock held: it may wake threads and set work, nothing longer.
#pragma once

#include "lib/heap.h"
#include "sched/thread.h"

struct timer {
    struct heap_node node;
    void (*callback)(struct timer *timer);
    struct percpu *cpu; // whose heap it is in; NULL when not armed
};

void timer_init(struct timer *timer, void (*callback)(struct timer *timer));
// Arms (or re-arms) on this CPU. Deadline in kernel-clock ns. Any context.
void timer_arm(struct timer *timer, uint64_t deadline_ns);
// After this the callback does not run and is not running. True when it was still armed.
bool timer_cancel(struct timer *timer);

// For the scheduler: calls back what is due on this CPU at that TSC value. Interrupts off.
void timer_expire_due(uint64_t now);
void timers_init(void); // this CPU's queue
