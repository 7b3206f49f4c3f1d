// The upcalls from entry.S: which vector means what. Handlers of interrupts run with interrupts
// off, are short, and only state what is due; the exit gate acts. Exceptions go to fault.c.
#include "trap/trap.h"

#include "cpu/features.h"
#include "cpu/histogram.h"
#include "cpu/interrupts.h"
#include "cpu/ipi.h"
#include "cpu/isolation.h"
#include "cpu/lapic.h"
#include "cpu/spinlock.h"
#include "cpu/upcalls.h"
#include "debug/fail.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "drivers/console.h"
#include "drivers/host_channel.h"
#include "drivers/keyboard.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "sched/scheduler.h"

#define SERIAL_PASSES 3u // of one interrupt: each may take microseconds

// Run time is exact; its split into user and system time is by where interrupts fall.
static void sample_mode(const struct trap_frame *frame)
{
    struct percpu *cpu = this_cpu();

    if (frame_is_from_user(frame)) {
        current_thread()->user_samples++;
        cpu->user_samples++;
    } else {
        current_thread()->system_samples++;
        cpu->system_samples++;
    }
}

// COM1 and COM3 share an edge-triggered line: both must be seen quiet in one pass, or no edge comes
// again. A port that is never quiet gets another interrupt instead, and others their turn.
static void serve_serial_line(void)
{
    for (uint32_t pass = 0; pass < SERIAL_PASSES; pass++) {
        bool more = console_interrupt();
        more |= host_channel_interrupt();
        if (!more)
            return;
    }
    console_ask_again();
    host_channel_ask_again();
}

// Out of the timer's way, which is by far the most frequent.
never_inlined static void handle_device(uint64_t vector)
{
    switch (vector) {
    case VECTOR_KEYBOARD:
        keyboard_interrupt();
        break;
    case VECTOR_SERIAL:
        serve_serial_line();
        break;
    case VECTOR_RESCHEDULE:
        scheduler_reschedule_interrupt();
        break;
    case VECTOR_CALL:
        ipi_serve();
        break;
    case VECTOR_LAPIC_ERROR:
        log_warning("trap", "local APIC error, status %#x", lapic_read_errors());
        break;
    default:
        log_warning("trap", "interrupt with vector %u, which nobody asked for", (unsigned)vector);
    }
}

static void handle_interrupt(const struct trap_frame *frame)
{
    this_cpu()->interrupt_counts[frame->vector]++;
    if (frame->vector == VECTOR_LAPIC_TIMER) {
        this_cpu()->timer_interrupts++;
        sample_mode(frame);
        scheduler_timer_interrupt();
    } else if (frame->vector == VECTOR_SPURIOUS) {
        return; // takes no end-of-interrupt (SDM vol. 3A, 11.9)
    } else {
        handle_device(frame->vector);
    }
    if (DEBUG_CHECKS)
        kassert(!interrupts_are_on()); // the way out takes that for granted
    lapic_end_of_interrupt();
}

static void note_longest_off(uint64_t since_tsc, uint64_t rip)
{
    struct percpu *cpu = this_cpu();
    uint64_t ticks = read_tsc() - since_tsc;

    histogram_count(cpu, HISTOGRAM_INTERRUPTS_OFF, 0, ticks);
    if (ticks > cpu->longest_interrupts_off) {
        cpu->longest_interrupts_off = ticks;
        cpu->longest_interrupts_off_at = rip;
    }
}

// What goes back without passing the exit gate, which records all others.
static void note_exit_around_gate(const struct trap_frame *frame)
{
    if (!frame_is_from_user(frame))
        trace_record(TRACE_EXIT, EXIT_TO_KERNEL, frame->rip);
    else if (frame->vector == VECTOR_NMI)
        trace_record(TRACE_EXIT, EXIT_IRETQ, frame->rip);
}

// What the stubs promise. AC as ring 3 left it would open SMAP to every handler.
static void check_entry_flags(void)
{
    kassert(!(read_rflags() & RFLAGS_DF));
    if (cpu_features.smap)
        kassert(!(read_rflags() & RFLAGS_AC));
}

void trap_handle(struct trap_frame *frame)
{
    uint64_t since_tsc = DEBUG_CHECKS ? read_tsc() : 0;

    if (DEBUG_CHECKS) {
        check_entry_flags();
        kassert(!frame_is_from_user(frame) || upcall_frame_is_first());
    }
    trace(TRACE_ENTRY, frame->vector, frame->rip);
    if (frame->vector >= VECTOR_FIRST_INTERRUPT) {
        spinlock_assert_held_count(0); // who holds one has them off
        struct fail_plan *plan = fail_pause();
        handle_interrupt(frame);
        fail_resume(plan);
        if (DEBUG_CHECKS)
            note_longest_off(since_tsc, (uint64_t)handle_interrupt);
    } else if (frame_is_from_user(frame)) {
        fault_from_user(frame);
    } else {
        fault_from_kernel(frame);
    }
    if (unlikely(trace_enabled))
        note_exit_around_gate(frame);
}

struct trap_frame *iretq_fault(struct trap_frame *frame)
{
    // The refused frame's five words lie at the top of the stack, where a frame from user mode
    // ends; the fault's own registers, which are the user's, move up to join them.
    struct trap_frame *user = thread_user_frame(current_thread());

    // With isolation the entry moved the frame, and RSP was in the entry page.
    kassert(isolation_is_on ? frame == user - 1 : frame->rsp == (uint64_t)&user->rip);
    memmove(user, frame, offsetof(struct trap_frame, rip));
    user->cs = SELECTOR_USER_CODE; // the refused ones may claim ring 0; the offender is the program
    user->ss = SELECTOR_USER_DATA;
    return user;
}
