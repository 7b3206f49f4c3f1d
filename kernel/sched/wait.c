// Wait queues and sleeping. The argument that no wake-up is lost: the waiter is in the queue and
// BLOCKED before it looks at its condition; whoever changes the condition afterwards finds it
// there; the switch itself looks at the state again under the lock that thread_wake() takes.
#include "sched/wait.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "lib/panic.h"
#include "sched/scheduler.h"
#include "sched/timer.h"

#define WAKE_PIECE 32u // so many are woken with interrupts off, where the caller has them on

void wait_queue_init(struct wait_queue *queue)
{
    spinlock_init(&queue->lock, "wait queue", LOCK_RANK_WAIT_QUEUE);
    list_init(&queue->waiters);
}

static void enter_queue(struct wait_queue *queue, struct waiter *waiter, struct thread *thread)
{
    if (!atomic_load_explicit(&waiter->thread, memory_order_relaxed)) {
        atomic_store_explicit(&waiter->thread, thread, memory_order_relaxed);
        list_append(&queue->waiters, &waiter->link);
    }
}

void wait_prepare(struct wait_queue *queue, struct waiter *waiter, enum wait_kind kind)
{
    struct thread *thread = current_thread();

    spinlock_acquire(&queue->lock);
    enter_queue(queue, waiter, thread);
    thread->wait_interruptible = kind == WAIT_INTERRUPTIBLE;
    atomic_store(&thread->state, THREAD_BLOCKED); // a full barrier: the condition is read after it
    spinlock_release(&queue->lock);
}

struct block_timer {
    struct timer timer;
    struct thread *thread;
    bool fired; // by the callback, which has returned once timer_cancel() has
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

// Work that was added before BLOCKED was set did not wake us: look, now that it is set.
static void block(struct thread *thread)
{
    if (is_interrupted(thread))
        atomic_store_explicit(&thread->state, THREAD_RUNNING, memory_order_relaxed);
    else
        schedule(SWITCH_BLOCKED);
}

static int block_until(struct thread *thread, uint64_t deadline_ns)
{
    struct block_timer timed = { .thread = thread };

    timer_init(&timed.timer, wake_blocked);
    timer_arm(&timed.timer, deadline_ns);
    block(thread);
    (void)timer_cancel(&timed.timer);
    if (is_interrupted(thread))
        return -ERESTARTSYS;
    return *(volatile bool *)&timed.fired ? -ETIMEDOUT : 0;
}

int wait_block(uint64_t deadline_ns)
{
    struct thread *thread = current_thread();

    if (deadline_ns != WAIT_FOREVER)
        return block_until(thread, deadline_ns);
    block(thread);
    return is_interrupted(thread) ? -ERESTARTSYS : 0;
}

// Mostly the waker has taken us out, and this was the last that it did with the waiter.
void wait_finish(struct wait_queue *queue, struct waiter *waiter)
{
    struct thread *thread = current_thread();

    if (atomic_load_explicit(&waiter->thread, memory_order_acquire)) {
        spinlock_acquire(&queue->lock);
        if (atomic_load_explicit(&waiter->thread, memory_order_relaxed))
            list_remove(&waiter->link);
        atomic_store_explicit(&waiter->thread, NULL, memory_order_relaxed);
        spinlock_release(&queue->lock);
    }
    thread->wait_interruptible = false;
    atomic_store_explicit(&thread->state, THREAD_RUNNING, memory_order_relaxed);
}

void wait_many_begin(void)
{
    atomic_store(&current_thread()->woken_awake, false); // a full barrier: the looks come after it
}

// Who finds us here from now on finds us awake, and notes that it did.
void wait_enter(struct wait_queue *queue, struct waiter *waiter)
{
    spinlock_acquire(&queue->lock);
    enter_queue(queue, waiter, current_thread());
    spinlock_release(&queue->lock);
}

int wait_many_block(uint64_t deadline_ns)
{
    struct thread *thread = current_thread();
    int result = 0;

    wait_prepare_alone(WAIT_INTERRUPTIBLE); // a full barrier: who woke us before is seen after it
    if (!atomic_load_explicit(&thread->woken_awake, memory_order_relaxed))
        result = wait_block(deadline_ns);
    else if (thread_has_work(thread))
        result = -ERESTARTSYS;
    else if (clock_now_ns() >= deadline_ns)
        result = -ETIMEDOUT;
    wait_finish_alone();
    return result;
}

// Whom a wake-up reached leaves the queue here, and comes back by wait_prepare() if the condition
// was not for him. The thread cannot end while it is in the queue, so it is woken first; the store
// to waiter->thread is the last access, for the waiter's stack is its own again from then on. Who
// is awake already, by another of its queues, stays.
static inline bool wake_waiter(struct list_node *node)
{
    struct waiter *waiter = list_entry(node, struct waiter, link);

    if (!thread_wake(atomic_load_explicit(&waiter->thread, memory_order_relaxed)))
        return false;
    list_remove(node);
    atomic_store_explicit(&waiter->thread, NULL, memory_order_release);
    return true;
}

void wait_wake(struct wait_queue *queue, uint32_t count)
{
    spinlock_acquire(&queue->lock);
    list_for_each_safe (node, spare, &queue->waiters) {
        if (count == 0)
            break;
        count -= wake_waiter(node);
    }
    spinlock_release(&queue->lock);
}

// The rest of a long queue: all are taken away, so that each comes once, and the lock is let go
// before each piece. Who enters meanwhile finds the condition true. Lock held.
never_inlined static void wake_in_pieces(struct wait_queue *queue)
{
    struct list_node rest;

    list_init(&rest);
    list_append_all(&rest, &queue->waiters);
    for (uint32_t count = 0; !list_is_empty(&rest); count++) {
        if (count % WAKE_PIECE == 0) {
            spinlock_release(&queue->lock);
            spinlock_acquire(&queue->lock);
            if (list_is_empty(&rest))
                break;
        }
        struct list_node *node = rest.next;
        if (!wake_waiter(node)) {
            list_remove(node);
            list_append(&queue->waiters, node);
        }
    }
}

void wait_wake_all(struct wait_queue *queue)
{
    uint32_t left = WAKE_PIECE;

    spinlock_acquire(&queue->lock);
    list_for_each_safe (node, spare, &queue->waiters) {
        (void)wake_waiter(node);
        if (spare != &queue->waiters && --left == 0) {
            wake_in_pieces(queue);
            break;
        }
    }
    spinlock_release(&queue->lock);
}

void wait_prepare_alone(enum wait_kind kind)
{
    struct thread *thread = current_thread();

    thread->wait_interruptible = kind == WAIT_INTERRUPTIBLE;
    atomic_store(&thread->state, THREAD_BLOCKED);
}

void wait_finish_alone(void)
{
    struct thread *thread = current_thread();

    thread->wait_interruptible = false;
    atomic_store_explicit(&thread->state, THREAD_RUNNING, memory_order_relaxed);
}

// Nobody has to find us in a queue. A timer that is armed after BLOCKED was set finds that.
int sleep_until(uint64_t deadline_ns)
{
    int result = 0;

    while (result == 0 && clock_now_ns() < deadline_ns) {
        wait_prepare_alone(WAIT_INTERRUPTIBLE);
        result = wait_block(deadline_ns);
    }
    wait_finish_alone();
    return result == -ERESTARTSYS ? result : 0;
}
