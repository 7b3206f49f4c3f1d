// Wait queues and sleeping. The argument that no wake-up is lost: the waiter is in the queue and
// BLOCKED before it looks at its condition; whoever changes the condition afterwards finds it
// there; the switch itself looks at the state again under the lock that thread_wake() takes.
#include "sched/wait.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "lib/panic.h"
#include "sched/scheduler.h"
#include "sched/timer.h"

void wait_queue_init(struct wait_queue *queue)
{
    spinlock_init(&queue->lock, "wait queue", LOCK_RANK_WAIT_QUEUE);
    list_init(&queue->waiters);
}

void wait_prepare(struct wait_queue *queue, struct waiter *waiter, enum wait_kind kind)
{
    struct thread *thread = current_thread();

    spinlock_acquire(&queue->lock);
    if (!waiter->thread) {
        waiter->thread = thread;
        list_append(&queue->waiters, &waiter->link);
    }
    thread->wait_interruptible = kind == WAIT_INTERRUPTIBLE;
    atomic_store(&thread->state, THREAD_BLOCKED);
    spinlock_release(&queue->lock);
}

struct block_timer {
    struct timer timer;
    struct thread *thread;
    bool fired; // written in the timer interrupt of this CPU
};

static void wake_blocked(struct timer *timer)
{
    struct block_timer *block = container_of(timer, struct block_timer, timer);

    // A thread that something else woke before its deadline was not late, however long it then
    // waits for the CPU.
    block->fired = thread_wake(block->thread);
}

static bool is_interrupted(const struct thread *thread)
{
    return thread->wait_interruptible && thread_has_work(thread);
}

int wait_block(uint64_t deadline_ns)
{
    struct thread *thread = current_thread();
    struct block_timer block = { .thread = thread };

    timer_init(&block.timer, wake_blocked);
    if (deadline_ns != WAIT_FOREVER)
        timer_arm(&block.timer, deadline_ns);
    // Work that was added before BLOCKED was set did not wake us: look, now that it is set.
    if (is_interrupted(thread))
        atomic_store(&thread->state, THREAD_RUNNING);
    else
        schedule(SWITCH_BLOCKED);
    if (deadline_ns != WAIT_FOREVER)
        (void)timer_cancel(&block.timer);
    if (is_interrupted(thread))
        return -ERESTARTSYS;
    return *(volatile bool *)&block.fired ? -ETIMEDOUT : 0;
}

void wait_finish(struct wait_queue *queue, struct waiter *waiter)
{
    spinlock_acquire(&queue->lock);
    if (waiter->thread)
        list_remove(&waiter->link);
    waiter->thread = NULL;
    spinlock_release(&queue->lock);
    current_thread()->wait_interruptible = false;
    atomic_store(&current_thread()->state, THREAD_RUNNING);
}

// Waiters stay in the queue until they take themselves out.
void wait_wake(struct wait_queue *queue, uint32_t count)
{
    spinlock_acquire(&queue->lock);
    list_for_each (node, &queue->waiters) {
        if (count == 0)
            break;
        if (thread_wake(list_entry(node, struct waiter, link)->thread))
            count--;
    }
    spinlock_release(&queue->lock);
}

void wait_wake_all(struct wait_queue *queue)
{
    wait_wake(queue, UINT32_MAX);
}

int sleep_until(uint64_t deadline_ns)
{
    struct wait_queue nobody_wakes;
    struct waiter waiter = { 0 };
    int result = 0;

    wait_queue_init(&nobody_wakes);
    while (result == 0) {
        wait_prepare(&nobody_wakes, &waiter, WAIT_INTERRUPTIBLE);
        if (clock_now_ns() >= deadline_ns)
            break;
        result = wait_block(deadline_ns);
    }
    wait_finish(&nobody_wakes, &waiter);
    return result == -ERESTARTSYS ? result : 0;
}
