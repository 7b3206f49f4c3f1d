// Timers of this CPU in a heap, earliest first. Callbacks run in the timer interrupt without the
// lock. Invariant: a timer is in the heap exactly while timer->cpu is set.
#include "sched/timer.h"

#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "sched/run_queue.h"

struct timer_queue {
    struct spinlock lock;
    struct heap heap;
};

// One CPU runs so far; each further one brings its own queue.
static struct timer_queue boot_timers = { .lock = SPINLOCK_INIT("timers", LOCK_RANK_TIMER) };

void timers_init(void)
{
    boot_timers.heap = (struct heap){ 0 };
}

void timer_init(struct timer *timer, void (*callback)(struct timer *timer))
{
    *timer = (struct timer){ .callback = callback };
}

// What is first has changed. Lock held, on the queue's CPU.
static void note_first(const struct timer_queue *queue)
{
    const struct heap_node *first = heap_minimum(&queue->heap);

    this_cpu()->run_queue->first_timer = first ? clock_tsc_from_ns(first->key) : UINT64_MAX;
}

static void insert_timer(struct timer_queue *queue, struct timer *timer, uint64_t deadline_ns)
{
    timer->cpu = this_cpu();
    heap_insert(&queue->heap, &timer->node, deadline_ns);
    if (heap_minimum(&queue->heap) == &timer->node)
        note_first(queue);
}

static void remove_timer(struct timer_queue *queue, struct timer *timer)
{
    bool was_first = heap_minimum(&queue->heap) == &timer->node;

    heap_remove(&queue->heap, &timer->node);
    timer->cpu = NULL;
    if (was_first)
        note_first(queue);
}

// The hardware is set under the lock, with interrupts off: before the timer can expire.
void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct timer_queue *queue = &boot_timers;

    spinlock_acquire(&queue->lock);
    if (timer->cpu)
        remove_timer(queue, timer);
    insert_timer(queue, timer, deadline_ns);
    timer_hardware_update(this_cpu()->run_queue);
    spinlock_release(&queue->lock);
}

// On one CPU a callback cannot be running while a thread runs here: it runs in the interrupt. The
// hardware is set anew, so that nobody is interrupted for a deadline that no longer exists.
bool timer_cancel(struct timer *timer)
{
    struct timer_queue *queue = &boot_timers;

    spinlock_acquire(&queue->lock);
    bool armed = timer->cpu != NULL;
    if (armed) {
        remove_timer(queue, timer);
        timer_hardware_update(this_cpu()->run_queue);
    }
    spinlock_release(&queue->lock);
    return armed;
}

// NULL: the first was cancelled meanwhile.
static struct timer *take_due(struct timer_queue *queue, uint64_t now)
{
    struct timer *timer = NULL;

    spinlock_acquire(&queue->lock);
    if (now >= this_cpu()->run_queue->first_timer) {
        timer = container_of(heap_minimum(&queue->heap), struct timer, node);
        remove_timer(queue, timer);
    }
    spinlock_release(&queue->lock);
    return timer;
}

void timer_expire_due(uint64_t now)
{
    while (now >= this_cpu()->run_queue->first_timer) {
        struct timer *timer = take_due(&boot_timers, now);
        if (timer)
            timer->callback(timer);
    }
}
