// Did the CPUs that this one told of work come to it? Called by whoever tells another CPU, and by a
// timer of this one. Invariant: the timer is armed while `told` names somebody, so that who tells
// and then sleeps, or runs alone, looks as well; who has told nobody is not interrupted.
#include "cpu/clock.h"
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/registers.h"
#include "debug/watchdog.h"
#include "lib/protection.h"
#include "sched/run_queue.h"

#define FIRST_WAIT_NS 50000000ull     // by then mostly all have come, and this is the last look
#define LONGEST_WAIT_NS 1000000000ull // so long at most between two; each waits twice as long

// What a CPU does that takes its interrupts, VECTOR_RESCHEDULE above all.
static uint64_t count_signs_of_life(const struct percpu *cpu)
{
    return cpu->switch_count + cpu->timer_interrupts + cpu->sysret_count + cpu->iretq_count +
           cpu->interrupt_counts[VECTOR_RESCHEDULE] + cpu->interrupt_counts[VECTOR_CALL];
}

static bool is_due(const struct percpu *cpu)
{
    return atomic_load_explicit(&cpu->reschedule_due, memory_order_acquire);
}

// Somebody waits, and the running thread's slice has no end or a past one: the CPU has not taken
// the interrupt that it was sent, or its timer's.
static bool slice_is_overdue(const struct run_queue *queue, uint64_t now)
{
    uint64_t slice_end = __atomic_load_n(&queue->slice_end, __ATOMIC_RELAXED);

    if (!PROTECT_PREEMPT || scheduler_timer_is_off() || run_queue_is_idle(queue))
        return false;
    return run_queue_waiting(queue) != 0 && (slice_end == UINT64_MAX || slice_end < now);
}

// 0: it passed schedule() since it was told.
static uint64_t ticks_overdue(const struct run_queue *queue, uint64_t now)
{
    uint64_t since = __atomic_load_n(&queue->due_since, __ATOMIC_RELAXED);

    return since != 0 && since < now ? now - since : 0;
}

// Of those that have not come one at a time is watched: the first that shows no sign of life.
static uint64_t ticks_without_sign(struct kick_watch *watch, const struct percpu *cpu, uint64_t now)
{
    uint64_t signs = count_signs_of_life(cpu);

    if (watch->suspect == cpu && watch->signs == signs)
        return now - watch->since;
    if (watch->suspect == cpu) {
        watch->suspect = NULL; // the next one's turn
    } else if (!watch->suspect) {
        watch->suspect = cpu;
        watch->signs = signs;
        watch->since = now;
    }
    return 0;
}

// Is it to be looked at again? That it takes interrupts does not excuse it from what is due.
static bool look_at(struct kick_watch *watch, const struct percpu *cpu, uint64_t now)
{
    bool due = is_due(cpu);

    if (!due && !slice_is_overdue(cpu->run_queue, now))
        return false;
    uint64_t overdue = due ? ticks_overdue(cpu->run_queue, now) : 0;
    uint64_t ticks = max_of(overdue, ticks_without_sign(watch, cpu, now));
    if (ticks <= watchdog_limit_ticks)
        return true;
    watchdog_accuse(cpu, "the wish to reschedule", ticks);
    return false;
}

static void look(struct timer *timer)
{
    struct kick_watch *watch = container_of(timer, struct kick_watch, timer);
    uint64_t now = read_tsc();
    const struct percpu *cpu;
    bool again = false;

    for_each_cpu(cpu)
    {
        if (!cpu_mask_has(&watch->told, cpu_number))
            continue;
        if (look_at(watch, cpu, now)) {
            again = true;
            continue;
        }
        cpu_mask_remove(&watch->told, cpu_number);
        if (watch->suspect == cpu)
            watch->suspect = NULL;
    }
    watch->wait_ns = min_of(2 * watch->wait_ns, LONGEST_WAIT_NS);
    if (again)
        timer_arm(timer, clock_now_ns() + watch->wait_ns);
}

void kick_watch_init(struct kick_watch *watch)
{
    *watch = (struct kick_watch){ 0 };
    timer_init(&watch->timer, look);
}

void kick_note(const struct percpu *cpu)
{
    struct kick_watch *watch = &this_cpu()->run_queue->kicks;

    if (watchdog_limit_ticks == 0 || cpu_mask_has(&watch->told, cpu->number))
        return;
    cpu_mask_add(&watch->told, cpu->number);
    if (atomic_load_explicit(&watch->timer.queue, memory_order_relaxed))
        return;
    watch->wait_ns = FIRST_WAIT_NS;
    timer_arm(&watch->timer, clock_now_ns() + watch->wait_ns);
}

void kick_send(const struct percpu *cpu)
{
    kick_note(cpu);
    ipi_reschedule(cpu);
}
