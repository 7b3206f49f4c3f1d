// The scheduler's core: run queues, wake-up, switch, slices, tickless idle. Mechanism only; which
// thread runs next is the policy's word (policy.h).
#pragma once

#include "sched/thread.h"

// Sets up the boot CPU's run queue and makes the running code its idle thread. Interrupts off.
void scheduler_init(uint64_t slice_ns, bool timer_off);
// The same for a further CPU, before it runs C code: `idle`, zeroed but for stack_top and name, is
// the code that it will run first. The number and the canary of `cpu` are set. On the boot CPU,
// after scheduler_init(). -ENOMEM.
must_check int scheduler_init_cpu(struct percpu *cpu, struct thread *idle);
// Turns the boot context of a CPU into its idle loop; never returns. Interrupts off or on, the CPU
// in percpu_table.
noreturn_function void scheduler_idle_loop(void);

// Gives the CPU away for the given reason. From thread context with interrupts on and no spinlock
// held (BLOCKED: state already set by wait_prepare). Returns when the thread runs again.
void schedule(enum switch_reason reason);
// An explicit preemption point for long loops in the kernel: switches if that is due. May sleep.
void preempt_point(void);
// sched_yield().
void scheduler_yield(void);
// True when this CPU should switch before it returns to user mode.
static inline bool reschedule_is_due(void)
{
    return atomic_load_explicit(&this_cpu()->reschedule_due, memory_order_relaxed);
}
// BLOCKED -> RUNNABLE; in any other state it is only noted (wait_many_begin). Any context, takes
// the run-queue lock. True when the thread was woken by this call.
bool thread_wake(struct thread *thread);
// Sets the mask of CPUs a thread may run on, CPUs that do not run left out. -EINVAL when nothing is
// left. The running thread executes no further instruction of its program where it may not stay;
// another one that runs, none after departure_wait(), which may be left out, has returned. Any
// context, takes run-queue locks; the caller keeps the thread.
struct departure {
    const struct percpu *cpu; // where it runs and may not; NULL: nowhere
    uint64_t switch_count;    // of that CPU, so far
};
must_check int thread_set_affinity(struct thread *thread, const struct cpu_mask *mask,
                                   struct departure *departure);
// Returns when the CPU has passed schedule(), where the thread leaves it, unless its mask has
// changed again. Thread context, interrupts on, no spinlock held; nobody need keep the thread.
void departure_wait(const struct departure *departure);
// That mask, without CPUs that do not run.
void thread_affinity(const struct thread *thread, struct cpu_mask *mask);
// VECTOR_RESCHEDULE: another CPU has put a thread into this one's queue. Interrupts off.
void scheduler_reschedule_interrupt(void);
// The LAPIC timer fired: expires timers, ends the slice. Interrupts off, from the vector entry.
void scheduler_timer_interrupt(void);
// Expires timers and ends the slice, as the TSC says now: from the timer's interrupt; with
// timer=off from every system call and idle. Interrupts off.
void scheduler_check_deadlines(void);
extern bool scheduler_timer_off; // `timer=off`; read-only after scheduler_init()
static inline bool scheduler_timer_is_off(void)
{
    return scheduler_timer_off;
}
// Threads alive, the idle thread not counted.
uint64_t threads_live(void);
// Number of runnable and running threads, for loadavg and sysinfo.
uint32_t scheduler_runnable_count(void);
// Exponential averages of that number over 1, 5 and 15 minutes, 32.32 fixed point.
void scheduler_load_averages(uint64_t averages[3]);
// What a CPU did since the kernel took over; together exactly that time, and never less than was
// told before. scheduler_times(): the sums over all CPUs.
struct scheduler_times {
    uint64_t user_ns, system_ns, idle_ns;
};
void scheduler_cpu_times(const struct percpu *cpu, struct scheduler_times *times);
void scheduler_times(struct scheduler_times *times);
