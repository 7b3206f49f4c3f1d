// What a thread is entitled to, changed while it runs, waits or sleeps. Called by the process
// layer.
#include "abi/sched.h"
#include "cpu/clock.h"
#include "cpu/registers.h"
#include "sched/run_queue.h"
#include "sched/weight.h"

void thread_set_rights(struct thread *thread, const struct thread_rights *rights)
{
    struct run_queue *queue = thread_queue_acquire(thread);
    bool waits = thread_state(thread) == THREAD_RUNNABLE;
    uint64_t now = read_tsc();

    policy_set_rights(&queue->queue, thread, rights, waits, now);
    // Somebody else may be the one to run now: the policy is asked again.
    if (queue->waiting != 0 && (waits || thread == queue->queue.running))
        run_queue_kick(queue, now);
    spinlock_release(&queue->lock);
}

void thread_inherit_rights(struct thread *child, const struct thread *parent)
{
    struct thread_rights rights = parent->policy.rights;

    if (rights.reset_on_fork) {
        if (rights.realtime_priority != 0) {
            rights.policy = SCHED_OTHER;
            rights.realtime_priority = 0;
            rights.nice = 0;
        }
        rights.nice = max_of(rights.nice, 0);
        rights.reset_on_fork = false;
    }
    child->policy.rights = rights;
    child->policy.weight = weight_of(&rights);
}

uint64_t thread_slice_ns(const struct thread_rights *rights)
{
    if (rights->policy == SCHED_FIFO)
        return 0;
    if (rights->policy == SCHED_RR)
        return REALTIME_SLICE_NS;
    return clock_ticks_to_ns(this_cpu()->run_queue->queue.slice_ticks);
}
