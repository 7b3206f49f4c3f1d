// Threads become runnable: started, woken, told of work. From any CPU, any context. Invariant: the
// state of a thread that is not running changes only with the lock of its CPU's queue held, but for
// MOVING, which ends as migrate.c says.
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "lib/panic.h"
#include "sched/run_queue.h"

// The thread's CPU changes only under the lock of the queue that it belongs to: once that is held,
// and it is still the one, it stays.
struct run_queue *thread_queue_acquire(const struct thread *thread)
{
    for (;;) {
        struct percpu *cpu = atomic_load_explicit(&thread->cpu, memory_order_acquire);
        struct run_queue *queue = cpu->run_queue;
        spinlock_acquire(&queue->lock);
        if (likely(atomic_load_explicit(&thread->cpu, memory_order_relaxed) == cpu))
            return queue;
        spinlock_release(&queue->lock);
    }
}

// With the lock of its queue held, a thread that waits and is not current has left its CPU for
// good.
bool thread_copy_context(const struct thread *thread, struct switch_context *copy, uint64_t *rsp)
{
    struct run_queue *queue = thread_queue_acquire(thread);
    enum thread_state state = thread_state(thread);
    bool waits = state == THREAD_RUNNABLE || state == THREAD_BLOCKED;
    bool has_left = waits && queue->cpu->current != thread;

    if (has_left) {
        *copy = *thread->context;
        *rsp = (uint64_t)(thread->context + 1);
    }
    spinlock_release(&queue->lock);
    return has_left;
}

static enum runnable_reason wake_reason(void)
{
    return interrupts_were_on() ? RUNNABLE_WOKEN : RUNNABLE_WOKEN_BY_INTERRUPT;
}

// Interrupts stay off on the way: a wake-up is not held up by them, and it is told as what it is.
// Releases the queue's lock.
never_inlined static void start_elsewhere(struct run_queue *queue, struct thread *thread,
                                          struct percpu *target)
{
    interrupts_off();
    thread_move_begin(thread, target);
    spinlock_release(&queue->lock);
    thread_move_end(thread, wake_reason());
    interrupts_restore();
}

// Others may know the thread already, by its number or as one of its process, and change its mask
// or its rights: so its CPU changes under the lock here as well.
void thread_start(struct thread *thread)
{
    struct run_queue *queue = thread_queue_acquire(thread);

    kassert(thread_state(thread) == THREAD_NEW);
    struct percpu *target = thread_place_new(thread);
    if (target != queue->cpu) {
        start_elsewhere(queue, thread, target);
        return;
    }
    run_queue_add(queue, thread, wake_reason());
    spinlock_release(&queue->lock);
}

// It may be on its way into many queues (wait_many_block): either it sees this when it is BLOCKED,
// or we see that it is.
never_inlined static bool blocks_meanwhile(struct thread *thread)
{
    atomic_store(&thread->woken_awake, true); // a full barrier
    return thread_state(thread) == THREAD_BLOCKED;
}

// BLOCKED and still on its CPU means: between wait_prepare() and the switch. It has not left, so it
// simply goes on, unless it has found that out by itself. Both this and the switch happen under the
// run-queue lock, so no wake-up is lost. Has it left, its context is complete, for the lock went
// with the switch; then it runs where there is room. Returns whether it was this call that woke it,
// and releases the lock.
static bool wake_and_release(struct run_queue *queue, struct thread *thread)
{
    enum thread_state blocked = THREAD_BLOCKED;
    struct percpu *target;
    bool woken = thread_state(thread) == THREAD_BLOCKED || blocks_meanwhile(thread);

    if (!woken)
        goto out;
    trace(TRACE_WAKE, thread->id, current_thread()->id);
    if (queue->cpu->current == thread) {
        woken = atomic_compare_exchange_strong(&thread->state, &blocked, THREAD_RUNNING);
        goto out;
    }
    target = thread_place_woken(queue, thread);
    if (likely(target == queue->cpu)) {
        run_queue_add(queue, thread, wake_reason());
        goto out;
    }
    policy_leave(&queue->queue, thread);
    start_elsewhere(queue, thread, target);
    return true;
out:
    spinlock_release(&queue->lock);
    return woken;
}

bool thread_wake(struct thread *thread)
{
    return wake_and_release(thread_queue_acquire(thread), thread);
}

// Who waits interruptibly is woken. Who runs on another CPU, perhaps in its program, comes to the
// gate by an interrupt: the gate looks at the work with interrupts off, so that either it sees it
// or the interrupt comes after it, in user mode. That it seems to wait proves nothing as long as it
// is on its CPU: what ends a wait are plain stores, which the gate's look may overtake.
never_inlined static void add_work_and_wake(struct thread *thread, uint32_t work)
{
    struct run_queue *queue = thread_queue_acquire(thread);

    atomic_fetch_or(&thread->work, work);
    if (unlikely(queue->cpu != this_cpu()) && queue->cpu->current == thread)
        ipi_reschedule(queue->cpu);
    if (thread->wait_interruptible)
        (void)wake_and_release(queue, thread);
    else
        spinlock_release(&queue->lock);
}

void thread_add_work(struct thread *thread, uint32_t work)
{
    // It runs here, so nobody need wake it; before it can sleep it looks (wait_block).
    if (thread == current_thread() &&
        atomic_load_explicit(&thread->state, memory_order_relaxed) == THREAD_RUNNING)
        atomic_fetch_or_explicit(&thread->work, work, memory_order_relaxed);
    else
        add_work_and_wake(thread, work);
}
