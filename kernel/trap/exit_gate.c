// The exit gate. Called by a thread's first exit, and by entry.S at the end of an entry from user
// mode if something is due: entry.S itself looks whether that is so (JUMP_IF_GATE_IS_DUE).
// Invariant of both: no frame leaves while its process must die, a signal is pending or a switch is
// due; it is looked at with interrupts off, so nothing slips in after.
#include "trap/return_path.h"

#include "cpu/features.h"
#include "cpu/interrupts.h"
#include "cpu/registers.h"
#include "cpu/upcalls.h"
#include "debug/latency.h"
#include "debug/trace.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "proc/signal.h"
#include "sched/scheduler.h"
#include "trap/system_call.h"

// Debug builds: what must hold for every frame that leaves.
static void check_frame(const struct trap_frame *frame)
{
    kassert(frame_is_from_user(frame));
    kassert(frame == thread_user_frame(current_thread()));
    kassert(frame->rflags & RFLAGS_IF);
    kassert(frame->vector != VECTOR_NMI); // leaves at once: entry.S, ist_from_user
    kassert(!interrupts_are_on() && this_cpu()->interrupts_off_depth == 0);
    kassert(!cpu_features.smap || !(read_rflags() & RFLAGS_AC)); // user memory is closed again
    kassert(this_cpu()->held_lock_count == 0);
    kassert(current_thread()->held_mutex_ranks == 0);
    kassert(frame->vector != VECTOR_SYSCALL || !signal_is_restart_code((int64_t)frame->rax));
}

bool return_to_user(struct trap_frame *frame)
{
    while (unlikely(thread_has_work(current_thread()) || reschedule_is_due())) {
        interrupts_enable_now();
        if (reschedule_is_due())
            schedule(SWITCH_SLICE_OVER);
        if (thread_has_work(current_thread()))
            signal_exit_gate(frame);
        interrupts_disable_now();
    }
    if (DEBUG_CHECKS) {
        kassert(upcall_frame_is_first());
        check_frame(frame);
    }
    latency_end((uint64_t)return_to_user);
    bool by_sysret = return_path_choose(frame) == RETURN_BY_SYSRET && sysret_is_allowed();
    if (!by_sysret) // the other way counts itself
        this_cpu()->iretq_count++;
    trace(TRACE_EXIT, by_sysret ? EXIT_SYSRET : EXIT_IRETQ, frame->rip);
    return by_sysret;
}
