// Threads that change their CPU: where one goes that wakes up or begins, what an idle CPU takes
// over from others, affinity. Called by scheduler.c, wake.c and the idle loop. Invariants: two
// run-queue locks are never held at once; between them the thread is MOVING, belongs to its new CPU
// and is in no queue; nobody but who made it so changes that.
#include "abi/errno.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "lib/panic.h"
#include "sched/placement.h"
#include "sched/run_queue.h"

// CPUs with nothing to do, as far as they said. A bit is set by its own CPU only, before it looks a
// last time for threads that wait elsewhere; who takes it out tells the CPU to look again: it would
// sleep unmarked, and nobody would find it.
static struct cpu_mask idle_cpus;

// schedule() may have ended the last turn with reschedule_due = false, a store that is still on its
// way to memory. There it must be before the mark is looked at: who sees that mark, a set one too,
// writes true, which has to stay (model: idle.pml).
void idle_begin(const struct percpu *cpu)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (!cpu_mask_has(&idle_cpus, cpu->number))
        cpu_mask_add_atomic(&idle_cpus, cpu->number);
}

void idle_end(const struct percpu *cpu)
{
    if (cpu_mask_has(&idle_cpus, cpu->number))
        cpu_mask_remove_atomic(&idle_cpus, cpu->number);
}

// An idle CPU that may run the thread, no longer marked as idle; NULL: none.
static struct percpu *claim_idle(const struct thread *thread, uint32_t near)
{
    uint32_t number = placement_find_idle(&thread->affinity, &idle_cpus, cpu_count(), near);

    if (number == PLACEMENT_NONE)
        return NULL;
    cpu_mask_remove_atomic(&idle_cpus, number);
    return cpu_by_number(number);
}

// How many threads run or wait there, the idle thread not counted.
static uint32_t load_of(const struct run_queue *queue)
{
    return run_queue_waiting(queue) + !run_queue_is_idle(queue);
}

static void read_loads(uint16_t loads[CPU_LIMIT])
{
    struct percpu *cpu;

    for_each_cpu(cpu) loads[cpu_number] =
        (uint16_t)min_of(load_of(cpu->run_queue), (uint32_t)UINT16_MAX);
}

// The mask names a CPU that runs (thread_set_affinity), so there is an answer.
static uint32_t find_lightest(const struct thread *thread, uint16_t loads[CPU_LIMIT])
{
    read_loads(loads);
    uint32_t number =
        placement_find_lightest(&thread->affinity, loads, cpu_count(), this_cpu()->number);
    kassert(number != PLACEMENT_NONE);
    return number;
}

never_inlined static struct percpu *place_new(const struct thread *thread, uint32_t near)
{
    uint16_t loads[CPU_LIMIT];
    struct percpu *idle = claim_idle(thread, near);

    return idle ? idle : cpu_by_number(find_lightest(thread, loads));
}

struct percpu *thread_place_new(const struct thread *thread)
{
    struct percpu *here = this_cpu();

    return likely(cpu_count() == 1) ? here : place_new(thread, here->number);
}

struct percpu *thread_place_woken(struct run_queue *queue, const struct thread *thread)
{
    struct percpu *last = queue->cpu;

    if (cpu_count() == 1)
        return last;
    bool is_allowed = run_queue_is_allowed(queue, thread);
    if (is_allowed && load_of(queue) == 0)
        return last;
    struct percpu *idle = claim_idle(thread, last->number);
    if (idle)
        return idle;
    return is_allowed ? last : thread_place_new(thread);
}

struct percpu *thread_place_lighter(const struct run_queue *queue, const struct thread *thread)
{
    uint16_t loads[CPU_LIMIT];
    uint32_t number = find_lightest(thread, loads);

    return loads[number] < loads[queue->cpu->number] ? cpu_by_number(number) : NULL;
}

void thread_move_begin(struct thread *thread, struct percpu *to)
{
    const struct percpu *from = atomic_load_explicit(&thread->cpu, memory_order_relaxed);

    if (from != to) {
        this_cpu()->migrations++;
        trace(TRACE_MIGRATE, thread->id, to->number | (uint64_t)from->number << 32);
    }
    atomic_store_explicit(&thread->state, THREAD_MOVING, memory_order_relaxed);
    atomic_store_explicit(&thread->cpu, to, memory_order_release);
}

// The mask may have changed since the CPU was chosen: whoever changes it has the lock of that CPU,
// as we have now.
void thread_move_end(struct thread *thread, enum runnable_reason reason)
{
    interrupts_off(); // nobody waits for an interrupt handler to get on his way
    for (;;) {
        struct run_queue *queue = atomic_load(&thread->cpu)->run_queue;
        spinlock_acquire(&queue->lock);
        if (likely(run_queue_is_allowed(queue, thread))) {
            run_queue_add(queue, thread, reason);
            spinlock_release(&queue->lock);
            break;
        }
        run_queue_kick(queue, read_tsc()); // it may have been taken for idle, for this thread
        thread_move_begin(thread, thread_place_new(thread));
        spinlock_release(&queue->lock);
    }
    interrupts_restore();
}

// One that was marked. The flag stops it from going to sleep without another look, the interrupt
// wakes it. It may be this one: a handler that came while it was about to sleep.
static void tell_idle(struct percpu *idle)
{
    atomic_store(&idle->reschedule_due, true);
    if (idle != this_cpu())
        kick_send(idle);
}

// The queue is longer by the thread, and then we look who idles; a CPU says that it idles, and then
// looks at the queues. Both with a full barrier in between, so one of the two sees the other. (A
// bit that is set already needs none: it is seen, and its CPU told.) The queue's CPU was told, or
// had been, or its timer ends the slice.
void run_queue_offer_among(const struct run_queue *queue, const struct thread *thread)
{
    if (queue->cpu != this_cpu())
        kick_note(queue->cpu);
    atomic_thread_fence(memory_order_seq_cst);
    struct percpu *idle = claim_idle(thread, queue->cpu->number);
    if (idle)
        tell_idle(idle);
}

never_inlined void run_queue_offer_rest(const struct run_queue *queue)
{
    struct percpu *cpu;

    atomic_thread_fence(memory_order_seq_cst);
    for_each_cpu(cpu)
    {
        if (cpu == queue->cpu || !cpu_mask_has(&idle_cpus, cpu_number))
            continue;
        cpu_mask_remove_atomic(&idle_cpus, cpu_number);
        tell_idle(cpu);
    }
}

static bool take_over(struct run_queue *from, struct run_queue *own)
{
    spinlock_acquire(&from->lock);
    struct thread *thread = NULL;
    if (run_queue_spare(from) != 0)
        thread = run_queue_take_for(from, own->cpu->number);
    if (thread)
        thread_move_begin(thread, own->cpu);
    spinlock_release(&from->lock);
    if (thread)
        thread_move_end(thread, RUNNABLE_MOVED);
    return thread != NULL;
}

// The number of the CPU that has most to spare.
static uint32_t find_longest(void)
{
    struct percpu *cpu;
    uint32_t longest = 0, most = 0;

    for_each_cpu(cpu)
    {
        uint32_t spare = run_queue_spare(cpu->run_queue);
        if (spare > most) {
            most = spare;
            longest = cpu_number;
        }
    }
    return most ? longest : PLACEMENT_NONE;
}

bool run_queue_steal(struct run_queue *own)
{
    uint32_t count = cpu_count(), first = count > 1 ? find_longest() : PLACEMENT_NONE;

    if (first == PLACEMENT_NONE)
        return false;
    for (uint32_t i = 0; i < count; i++) { // who waits there may not be allowed here
        struct run_queue *from = cpu_by_number((first + i) % count)->run_queue;
        if (from != own && run_queue_spare(from) != 0 && take_over(from, own))
            return true;
    }
    return false;
}

// The part of the mask that can be used; returns how many CPUs that is.
static uint32_t cut_to_running(struct cpu_mask *mask)
{
    uint32_t count = 0;

    for (uint32_t number = 0; number < CPU_LIMIT; number++) {
        if (number >= cpu_count())
            cpu_mask_remove(mask, number);
        count += cpu_mask_has(mask, number);
    }
    return count;
}

// Who is current on the queue's CPU leaves it when that passes schedule(). Lock held, so nobody
// switches there meanwhile.
static void tell_to_leave(struct run_queue *queue, struct departure *departure)
{
    run_queue_kick(queue, read_tsc());
    if (queue->cpu != this_cpu())
        *departure = (struct departure){ queue->cpu, queue->cpu->switch_count };
}

// Who waits is moved at once; who runs leaves when its CPU passes schedule(), before it runs
// another instruction of the program; who sleeps is placed when it wakes up; and who is MOVING is
// looked at once more at the end of that.
int thread_set_affinity(struct thread *thread, const struct cpu_mask *mask,
                        struct departure *departure)
{
    struct cpu_mask wanted = *mask;

    *departure = (struct departure){ 0 };
    uint32_t count = cut_to_running(&wanted);
    if (count == 0)
        return -EINVAL;
    interrupts_off();
    struct run_queue *queue = thread_queue_acquire(thread);
    bool is_waiting = thread_state(thread) == THREAD_RUNNABLE;
    if (is_waiting)
        run_queue_discount_waiter(queue, thread);
    thread->affinity = wanted;
    thread->is_bound = count < cpu_count();
    thread->wait_units = count > 1 ? WAIT_MOVABLE : WAIT_PINNED;
    if (is_waiting)
        run_queue_count_waiter(queue, thread);
    bool may_stay = run_queue_is_allowed(queue, thread);
    bool moves = is_waiting && !may_stay;
    if (moves) {
        run_queue_remove(queue, thread);
        thread_move_begin(thread, thread_place_new(thread));
    } else if (is_waiting) {
        run_queue_offer(queue, thread);
    } else if (!may_stay && queue->cpu->current == thread) {
        tell_to_leave(queue, departure);
    }
    spinlock_release(&queue->lock);
    if (moves)
        thread_move_end(thread, RUNNABLE_MOVED);
    interrupts_restore();
    return 0;
}

static bool is_still_there(const struct departure *departure)
{
    return atomic_load_explicit(&departure->cpu->reschedule_due, memory_order_relaxed) &&
           __atomic_load_n(&departure->cpu->switch_count, __ATOMIC_RELAXED) ==
               departure->switch_count;
}

// What was due is not due any more from the beginning of schedule() on; whoever gets the lock comes
// after its end. Two that tell each other to leave come through: both pass schedule() here.
void departure_wait(const struct departure *departure)
{
    if (!departure->cpu)
        return;
    while (is_still_there(departure)) {
        preempt_point();
        cpu_relax();
    }
    spinlock_acquire(&departure->cpu->run_queue->lock);
    spinlock_release(&departure->cpu->run_queue->lock);
}

// Nobody knows the new thread yet.
void thread_inherit_affinity(struct thread *to)
{
    struct run_queue *queue = thread_queue_acquire(current_thread());

    to->affinity = current_thread()->affinity;
    to->is_bound = current_thread()->is_bound;
    to->wait_units = current_thread()->wait_units;
    spinlock_release(&queue->lock);
}

void thread_affinity(const struct thread *thread, struct cpu_mask *mask)
{
    struct run_queue *queue = thread_queue_acquire(thread);

    *mask = thread->affinity;
    spinlock_release(&queue->lock);
    (void)cut_to_running(mask);
}
