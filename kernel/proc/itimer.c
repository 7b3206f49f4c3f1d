// setitimer's three timers. REAL runs on the kernel clock; VIRTUAL and PROF count the CPU time of
// all threads, so their kernel timer fires no later than as many CPUs can use it up as there are
// threads for, looks, and is armed again.
// Invariant: a periodic REAL timer runs again only once its SIGALRM was taken, so that a tiny
// interval costs the process, not the machine. Callbacks run in the timer interrupt.

#include "proc/internal.h"
#include "proc/signal.h"

#include "abi/errno.h"
#include "cpu/clock.h"

#define CPU_TIMER_MINIMUM_NS 4000000ull
#define FAR_FUTURE_NS (1ull << 60) // see syscall/time.c

static const uint32_t timer_signals[ITIMER_COUNT] = { SIGALRM, SIGVTALRM, SIGPROF };

static void send_expiry(struct process *process, uint32_t which)
{
    struct abi_siginfo info = { .signal = (int32_t)timer_signals[which], .code = SI_KERNEL };
    int error = signal_send_locked(process, NULL, &info, NULL);
    (void)error; // standard signals always find room
}

static uint64_t later(uint64_t from_ns, uint64_t duration_ns)
{
    if (duration_ns > FAR_FUTURE_NS || from_ns + duration_ns > FAR_FUTURE_NS)
        return FAR_FUTURE_NS;
    return from_ns + duration_ns;
}

static uint64_t time_of(struct process *process, uint32_t which)
{
    uint64_t user_ns, system_ns;
    if (which == ITIMER_REAL)
        return clock_now_ns();
    process_cpu_times_locked(process, &user_ns, &system_ns);
    return which == ITIMER_VIRTUAL ? user_ns : user_ns + system_ns;
}

// How soon may that much CPU time be used up, when no thread is added?
static uint64_t soonest_use(const struct process *process, uint64_t cpu_time_ns)
{
    return cpu_time_ns / max_of(min_of(process->thread_count, cpu_count()), 1u);
}

static void real_expired(struct timer *timer)
{
    struct itimer *itimer = container_of(timer, struct itimer, timer);
    struct process *process = itimer->process;
    bool all = process_lock_or_all(process);
    if (itimer->deadline_ns != 0 && clock_now_ns() >= itimer->deadline_ns) {
        itimer->has_fired = itimer->interval_ns != 0;
        if (!itimer->has_fired)
            itimer->deadline_ns = 0;
        send_expiry(process, ITIMER_REAL);
    }
    process_unlock_or_all(process, all);
}

void itimer_restart_locked(struct process *process)
{
    struct itimer *itimer = &process->itimers[ITIMER_REAL];
    if (!itimer->has_fired)
        return;
    uint64_t now_ns = clock_now_ns(), late_ns = now_ns - itimer->deadline_ns;
    itimer->has_fired = false;
    itimer->deadline_ns =
        later(itimer->deadline_ns, (late_ns / itimer->interval_ns + 1) * itimer->interval_ns);
    timer_arm(&itimer->timer, itimer->deadline_ns);
}

static void cpu_time_expired(struct timer *timer)
{
    struct itimer *itimer = container_of(timer, struct itimer, timer);
    struct process *process = itimer->process;
    uint32_t which = (uint32_t)(itimer - process->itimers);
    bool all = process_lock_or_all(process);
    uint64_t used_ns = itimer->deadline_ns ? time_of(process, which) : 0;
    if (itimer->deadline_ns != 0 && used_ns >= itimer->deadline_ns) {
        send_expiry(process, which);
        itimer->deadline_ns = itimer->interval_ns ? later(used_ns, itimer->interval_ns) : 0;
    }
    if (itimer->deadline_ns != 0) {
        uint64_t wait_ns = soonest_use(process, itimer->deadline_ns - used_ns);
        timer_arm(&itimer->timer, later(clock_now_ns(), max_of(wait_ns, CPU_TIMER_MINIMUM_NS)));
    }
    process_unlock_or_all(process, all);
}

// Who stops them takes the deadlines away before it cancels.
void itimers_thread_added_locked(struct process *process)
{
    for (uint32_t which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++) {
        struct itimer *itimer = &process->itimers[which];
        if (unlikely(itimer->deadline_ns != 0))
            timer_arm(&itimer->timer, clock_now_ns());
    }
}

void itimers_init(struct process *process)
{
    for (uint32_t which = 0; which < ITIMER_COUNT; which++) {
        struct itimer *itimer = &process->itimers[which];
        itimer->process = process;
        timer_init(&itimer->timer, which == ITIMER_REAL ? real_expired : cpu_time_expired);
    }
}

// A timer that fired and waits for its signal to be taken shows its next period.
static void read_locked(struct process *process, uint32_t which, uint64_t *value_ns,
                        uint64_t *interval_ns)
{
    const struct itimer *itimer = &process->itimers[which];
    *interval_ns = itimer->interval_ns;
    *value_ns = 0;
    if (itimer->deadline_ns == 0)
        return;
    uint64_t now_ns = time_of(process, which);
    *value_ns = itimer->deadline_ns > now_ns ? itimer->deadline_ns - now_ns : 1;
}

int itimer_get(uint32_t which, uint64_t *value_ns, uint64_t *interval_ns)
{
    if (which >= ITIMER_COUNT)
        return -EINVAL;
    struct process *process = current_process();
    process_lock(process);
    read_locked(process, which, value_ns, interval_ns);
    process_unlock(process);
    return 0;
}

int itimer_set(uint32_t which, uint64_t value_ns, uint64_t interval_ns, uint64_t *old_value_ns,
               uint64_t *old_interval_ns)
{
    struct process *process = current_process();
    if (which >= ITIMER_COUNT)
        return -EINVAL;
    struct itimer *itimer = &process->itimers[which];
    // Without the lock, which the callback takes.
    (void)timer_cancel(&itimer->timer);
    process_lock(process);
    read_locked(process, which, old_value_ns, old_interval_ns);
    itimer->has_fired = false;
    itimer->interval_ns = min_of(interval_ns, FAR_FUTURE_NS);
    itimer->deadline_ns = value_ns ? later(time_of(process, which), value_ns) : 0;
    if (which != ITIMER_REAL)
        value_ns = soonest_use(process, value_ns);
    if (itimer->deadline_ns) // with the lock: the last of several threads that set it arms it, too
        timer_arm(&itimer->timer, later(clock_now_ns(), value_ns));
    process_unlock(process);
    return 0;
}

void itimers_stop(struct process *process)
{
    process_lock(process);
    for (uint32_t which = 0; which < ITIMER_COUNT; which++) {
        process->itimers[which].deadline_ns = 0;
        process->itimers[which].has_fired = false;
    }
    process_unlock(process);
    for (uint32_t which = 0; which < ITIMER_COUNT; which++)
        (void)timer_cancel(&process->itimers[which].timer);
}
