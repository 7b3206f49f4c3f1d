// Timers of this CPU in a heap, earliest first. Callbacks run in the timer interrupt without the
// lock. Invariant: a timer is in the heap exactly while timer->cpu is set.
#include "sched/timer.h"

#include "cpu/interrupts.h"
#include "cpu/spinlock.h"
#include "lib/panic.h"
#include "sched/scheduler.h"

struct timer_queue {
    struct spinlock lock;
    struct heap heap;
};

static struct timer_queue boot_timers = { .lock = SPINLOCK_INIT("timers", LOCK_RANK_TIMER) };

// One CPU runs so far; each further one brings its own queue.
static struct timer_queue *queue_of(const struct percpu *cpu)
{
    return &boot_timers;
}

void timers_init(void)
{
    boot_timers.heap = (struct heap){ 0 };
}

void timer_init(struct timer *timer, void (*callback)(struct timer *timer))
{
    *timer = (struct timer){ .callback = callback };
}

uint64_t timer_next_deadline(void)
{
    struct timer_queue *queue = queue_of(this_cpu());

    spinlock_acquire(&queue->lock);
    const struct heap_node *first = heap_minimum(&queue->heap);
    uint64_t deadline = first ? first->key : UINT64_MAX;
    spinlock_release(&queue->lock);
    return deadline;
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    interrupts_off(); // stay on this CPU, and let the hardware be set before the timer can expire
    struct timer_queue *queue = queue_of(this_cpu());

    (void)timer_cancel(timer);
    spinlock_acquire(&queue->lock);
    timer->cpu = this_cpu();
    heap_insert(&queue->heap, &timer->node, deadline_ns);
    bool is_first = heap_minimum(&queue->heap) == &timer->node;
    spinlock_release(&queue->lock);
    if (is_first)
        scheduler_program_timer();
    interrupts_restore();
}

static bool remove_timer(struct timer_queue *queue, struct timer *timer, bool *was_first)
{
    spinlock_acquire(&queue->lock);
    bool armed = timer->cpu != NULL;
    if (armed) {
        *was_first = heap_minimum(&queue->heap) == &timer->node;
        heap_remove(&queue->heap, &timer->node);
        timer->cpu = NULL;
    }
    spinlock_release(&queue->lock);
    return armed;
}

// On one CPU a callback cannot be running while a thread runs here: it runs in the interrupt. The
// hardware is set anew, so that nobody is interrupted for a deadline that no longer exists.
bool timer_cancel(struct timer *timer)
{
    bool was_first = false;

    interrupts_off();
    bool armed = remove_timer(&boot_timers, timer, &was_first);
    if (was_first)
        scheduler_program_timer();
    interrupts_restore();
    return armed;
}

static struct timer *take_due(struct timer_queue *queue, uint64_t now_ns)
{
    struct timer *timer = NULL;

    spinlock_acquire(&queue->lock);
    struct heap_node *first = heap_minimum(&queue->heap);
    if (first && first->key <= now_ns) {
        heap_remove(&queue->heap, first);
        timer = container_of(first, struct timer, node);
        timer->cpu = NULL;
    }
    spinlock_release(&queue->lock);
    return timer;
}

void timer_expire_due(uint64_t now_ns)
{
    struct timer_queue *queue = queue_of(this_cpu());

    for (;;) {
        struct timer *timer = take_due(queue, now_ns);
        if (!timer)
            return;
        timer->callback(timer);
    }
}
