// What tests can set and see of threads.c.
#pragma once

#include <stdint.h>

// A copy between kernel and user memory stops before the first address in [start, end).
extern uint64_t user_bad_start, user_bad_end;
extern uint64_t user_copies; // that reached the copy instructions

struct percpu;
// The CPU that the code runs on. There is one, unless a test enters more in percpu_table.
extern struct percpu *threads_cpu;
// A call between CPUs has changed threads_cpu; NULL: nothing.
extern void (*after_cpu_change)(struct percpu *cpu);

struct wait_queue;
struct waiter;
// What happens just after a waiter came into a queue, and when the thread would sleep; NULL:
// nothing.
extern void (*after_wait_prepare)(struct wait_queue *queue, struct waiter *waiter);
extern void (*before_wait_block)(void);
extern uint64_t wake_ups; // of whole queues; here each has waiters
struct mutex;
extern void (*after_mutex_release)(struct mutex *mutex); // likewise; what others do just then
