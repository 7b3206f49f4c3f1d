// Timers of each CPU in a heap, earliest first. Callbacks run in the timer interrupt without the
// lock. Invariants: a timer is in a heap exactly while timer->queue is set, which happens under
// that queue's lock; from before it leaves the heap to expire until its callback has returned it
// counts in callbacks_running, and that decrement is the last access of who calls back.
#include "sched/timer.h"

#include "cpu/clock.h"
#include "cpu/registers.h"
#include "cpu/spinlock.h"
#include "sched/run_queue.h"

void timer_queue_init(struct timer_queue *queue)
{
    spinlock_init(&queue->lock, "timers", LOCK_RANK_TIMER);
    queue->heap = (struct heap){ 0 };
}

void timer_init(struct timer *timer, void (*callback)(struct timer *timer))
{
    *timer = (struct timer){ .callback = callback };
}

// What is first has changed. Lock held. Another CPU may only make it later: that CPU's hardware is
// left set too early, for one interrupt that finds nothing due and sets the rest.
static void note_first(struct run_queue *queue)
{
    const struct heap_node *first = heap_minimum(&queue->timers.heap);

    queue->first_timer = first ? clock_tsc_from_ns(first->key) : UINT64_MAX;
}

// False: it is in a heap already, by somebody who was faster.
static bool insert_timer(struct run_queue *queue, struct timer *timer, uint64_t deadline_ns)
{
    struct run_queue *none = NULL;

    if (!atomic_compare_exchange_strong(&timer->queue, &none, queue))
        return false;
    heap_insert(&queue->timers.heap, &timer->node, deadline_ns);
    if (heap_minimum(&queue->timers.heap) == &timer->node)
        note_first(queue);
    return true;
}

static void remove_timer(struct run_queue *queue, struct timer *timer)
{
    bool was_first = heap_minimum(&queue->timers.heap) == &timer->node;

    heap_remove(&queue->timers.heap, &timer->node);
    atomic_store_explicit(&timer->queue, NULL, memory_order_release);
    if (was_first)
        note_first(queue);
}

// Out of the heap it is in, whosever that is. The hardware of this CPU is set anew, so that nobody
// is interrupted for a deadline that no longer exists. False: it was not armed.
static bool disarm(struct timer *timer)
{
    for (;;) {
        struct run_queue *queue = atomic_load_explicit(&timer->queue, memory_order_acquire);
        if (!queue)
            return false;
        spinlock_acquire(&queue->timers.lock);
        bool is_there = atomic_load_explicit(&timer->queue, memory_order_relaxed) == queue;
        if (is_there) {
            remove_timer(queue, timer);
            if (likely(queue->cpu == this_cpu()))
                timer_hardware_update(queue);
        }
        spinlock_release(&queue->timers.lock);
        if (is_there)
            return true;
    }
}

// The hardware is set under the lock, with interrupts off: before the timer can expire.
void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct run_queue *queue = this_cpu()->run_queue;
    bool inserted = false;

    while (!inserted) {
        if (unlikely(atomic_load_explicit(&timer->queue, memory_order_relaxed)))
            (void)disarm(timer);
        spinlock_acquire(&queue->timers.lock);
        inserted = insert_timer(queue, timer, deadline_ns);
        timer_hardware_update(queue);
        spinlock_release(&queue->timers.lock);
    }
}

// The callback may arm the timer again, so that is looked at once more after it has returned.
bool timer_cancel(struct timer *timer)
{
    bool was_armed = false;

    do {
        was_armed |= disarm(timer);
        while (atomic_load_explicit(&timer->callbacks_running, memory_order_acquire) != 0)
            cpu_relax();
    } while (atomic_load_explicit(&timer->queue, memory_order_relaxed));
    return was_armed;
}

// NULL: the first was cancelled meanwhile. It counts as running before it is seen to be out.
static struct timer *take_due(struct run_queue *queue, uint64_t now)
{
    struct timer *timer = NULL;

    spinlock_acquire(&queue->timers.lock);
    if (now >= queue->first_timer) {
        timer = container_of(heap_minimum(&queue->timers.heap), struct timer, node);
        atomic_fetch_add_explicit(&timer->callbacks_running, 1, memory_order_relaxed);
        remove_timer(queue, timer);
    }
    spinlock_release(&queue->timers.lock);
    return timer;
}

void timer_expire_due(uint64_t now)
{
    struct run_queue *queue = this_cpu()->run_queue;

    while (now >= queue->first_timer) {
        struct timer *timer = take_due(queue, now);
        if (!timer)
            continue;
        timer->callback(timer);
        atomic_fetch_sub_explicit(&timer->callbacks_running, 1, memory_order_release);
    }
}
