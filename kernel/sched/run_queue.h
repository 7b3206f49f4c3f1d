// One CPU's run queue. Private to sched/; guarded by its lock unless said. The lock is the only one
// that crosses a switch: whoever continues releases it (scheduler.c, finish_switch). Two run-queue
// locks are never held at once: a thread on its way between two is MOVING (migrate.c).
#pragma once

#include "cpu/spinlock.h"
#include "lib/heap.h"
#include "lib/load_average.h"
#include "sched/policy.h"
#include "sched/scheduler.h"
#include "sched/timer.h"

struct timer_queue {
    struct spinlock lock;
    struct heap heap; // earliest first
};

// kick.c: the CPUs that this one told to reschedule, until it has seen that they did; used by it
// alone, with interrupts off.
struct kick_watch {
    struct timer timer; // armed while `told` is not empty
    uint64_t wait_ns;   // that it was armed for
    struct cpu_mask told;
    const struct percpu *suspect; // one of them; NULL: none
    uint64_t signs, since;        // what it has done, unchanged since then (TSC)
};

struct run_queue {
    struct spinlock lock;
    struct percpu *cpu;        // whose it is
    struct policy_queue queue; // runnable threads; order is the policy's
    uint64_t waiting;          // the sum of their wait_units; others look at it without the lock
    struct thread *idle;
    struct thread *left;     // by the last switch: EXITED or MOVING; finish_switch sees it off
    struct percpu *left_for; // within schedule(): where the running thread goes; NULL: nowhere
    uint64_t due_since;      // TSC, since when reschedule_due is set; 0: not counted
    struct load_average load;
    struct scheduler_times told; // by scheduler_cpu_times(): what was said never falls

    // TSC values; UINT64_MAX: never. Written by this CPU with interrupts off.
    uint64_t slice_end;   // of the running thread, written with the lock; never while nobody waits
    uint64_t first_timer; // earliest deadline of the CPU's timers; written with their lock
    uint64_t armed;       // what the hardware timer is set to

    struct timer_queue timers; // timer.c
    struct kick_watch kicks;
};

// May the thread run on this queue's CPU? Lock held.
static inline bool run_queue_is_allowed(const struct run_queue *queue, const struct thread *thread)
{
    return likely(!thread->is_bound) || cpu_mask_has(&thread->affinity, queue->cpu->number);
}
// Of any queue, without its lock: a hint. How many wait, and how many of those may run on another
// CPU as well.
static inline uint32_t run_queue_waiting(const struct run_queue *queue)
{
    return (uint32_t)__atomic_load_n(&queue->waiting, __ATOMIC_RELAXED);
}
static inline uint32_t run_queue_movable(const struct run_queue *queue)
{
    return (uint32_t)(__atomic_load_n(&queue->waiting, __ATOMIC_RELAXED) >> WAIT_MOVABLE_SHIFT);
}
// A thread begins or ends to wait in the queue. Lock held.
static inline void run_queue_count_waiter(struct run_queue *queue, const struct thread *thread)
{
    queue->waiting += thread->wait_units;
}
static inline void run_queue_discount_waiter(struct run_queue *queue, const struct thread *thread)
{
    queue->waiting -= thread->wait_units;
}
static inline bool run_queue_is_idle(const struct run_queue *queue)
{
    return !__atomic_load_n(&queue->queue.running, __ATOMIC_RELAXED);
}
// How many of them another CPU could help: what waits for an idle CPU is about to run there. Where
// all are pinned, an idle CPU does not even take the lock.
static inline uint32_t run_queue_spare(const struct run_queue *queue)
{
    return run_queue_is_idle(queue) ? 0 : run_queue_movable(queue);
}

// scheduler.c. The thread, in no queue, becomes RUNNABLE here; the CPU is told what it must know.
// Lock held, from any CPU.
void run_queue_add(struct run_queue *queue, struct thread *thread, enum runnable_reason reason);
// Takes out a RUNNABLE thread. Lock held.
void run_queue_remove(struct run_queue *queue, struct thread *thread);
// The same for one that this CPU may run, chosen by the policy; NULL: none was found. Lock held.
struct thread *run_queue_take_for(struct run_queue *queue, uint32_t cpu_number);
// The queue's CPU passes through schedule() before it runs a program again. Lock held.
void run_queue_kick(struct run_queue *queue, uint64_t now);

// kick.c. VECTOR_RESCHEDULE to another CPU, after what it is to see was stored, and a look later
// whether it came. Interrupts off.
void kick_send(const struct percpu *cpu);
// That look alone: somebody else has told it, or its timer is to.
void kick_note(const struct percpu *cpu);
void kick_watch_init(struct kick_watch *watch);

// wake.c: locks the queue that the thread belongs to.
struct run_queue *thread_queue_acquire(const struct thread *thread);

// migrate.c. A thread changes its CPU in two steps. With the lock of its queue held, in no queue
// and with its context complete, or about to be (run_queue.left): it is MOVING from here on, and
// only who called this may end that.
void thread_move_begin(struct thread *thread, struct percpu *to);
// No run-queue lock held. Puts it into the queue of its CPU, or of another that its mask names now.
void thread_move_end(struct thread *thread, enum runnable_reason reason);
// Where a thread that wakes up, BLOCKED in this queue, should run. Lock held.
struct percpu *thread_place_woken(struct run_queue *queue, const struct thread *thread);
// Where one should run that is new, or may not stay.
struct percpu *thread_place_new(const struct thread *thread);
// A CPU with fewer threads than this one, for its running thread, that has used up its slice and
// waits now behind others; NULL: it stays. Lock held.
struct percpu *thread_place_lighter(const struct run_queue *queue, const struct thread *thread);
// The thread has to wait here: if a CPU that may run it has nothing to do, it is told. Lock held.
void run_queue_offer_among(const struct run_queue *queue, const struct thread *thread);
static inline void run_queue_offer(const struct run_queue *queue, const struct thread *thread)
{
    if (unlikely(cpu_count() != 1))
        run_queue_offer_among(queue, thread);
}
// Those who came here while this CPU idled were offered to nobody, and it takes but one; or
// somebody looked and did not find all: all others that idle look again, whatever the masks. Lock
// held, the choice made (policy_queue.running).
void run_queue_offer_rest(const struct run_queue *queue);
// A NEW thread may run where the running one may.
void thread_inherit_affinity(struct thread *to);
// This CPU, which idles, takes a thread over that waits for another. False: there is none.
bool run_queue_steal(struct run_queue *own);
// This CPU begins or stops idling, as others see it. Interrupts in any state.
void idle_begin(const struct percpu *cpu);
void idle_end(const struct percpu *cpu);

// The register part of a switch; see switch.S for the contract. Interrupts off, lock held.
void switch_to(struct thread *previous, struct thread *next);
// Run time that ends now is booked: exact, split into user and system time by where interrupts
// fell. Lock held.
void run_time_account(const struct run_queue *queue, struct thread *previous, struct thread *next,
                      uint64_t now);
// Frees what an exited thread leaves. Interrupts on, no lock held.
void thread_bury(struct thread *thread);

// tick.c: sets the hardware timer of this CPU, or stops it. Interrupts off.
void timer_hardware_set(struct run_queue *queue, uint64_t deadline);
// After slice_end or first_timer changed: the hardware is set no later than the earlier of the two,
// and stopped when neither is wanted. This CPU's queue, interrupts off. While threads share the CPU
// an earlier setting is left as it is: the interrupt finds nothing due and sets the rest, at most
// one a slice, where every switch would have to write to the hardware. A thread alone is not
// interrupted for what is not wanted any more.
static inline void timer_hardware_update(struct run_queue *queue)
{
    uint64_t wanted = min_of(queue->slice_end, queue->first_timer);

    if (queue->armed == wanted || (queue->armed < wanted && queue->waiting != 0))
        return;
    timer_hardware_set(queue, wanted);
}
