// The event rings' memory, and the boot's steps for the chapter's table: what the hardware was told
// to remember is read back from it, not repeated from what was meant.
#include "debug/trace.h"
#include "boot/boot.h"
#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/tables.h"
#include "debug/log.h"
#include "lib/string.h"
#include "mem/frame.h"

void boot_trace_begin(void)
{
    trace_keep(TRACE_STEP, STEP_BEGIN, read_cr4());
}

void boot_trace_trap_table(void)
{
    trace_keep(TRACE_STEP, STEP_TRAP_TABLE, read_idt_base());
    trace_keep(TRACE_STEP, STEP_TIMER_HANDLER, cpu_vector_handler(VECTOR_LAPIC_TIMER));
}

void boot_trace_syscall_entry(void)
{
    trace_keep(TRACE_STEP, STEP_SYSCALL_HANDLER, read_msr(MSR_LSTAR));
    trace_keep(TRACE_STEP, STEP_SYSCALL_SEGMENTS, read_msr(MSR_STAR));
    trace_keep(TRACE_STEP, STEP_SYSCALL_FLAGS, read_msr(MSR_SFMASK));
}

void boot_trace_devices(void)
{
    trace_keep(TRACE_STEP, STEP_DEVICES, clock_tsc_hz());
}

void boot_trace_timer(void)
{
    if (!boot_options.timer_off)
        trace_keep(TRACE_STEP, STEP_TIMER_START, boot_options.slice_ns);
}

void boot_start_trace(void)
{
    uint32_t count = boot_options.trace_events;
    uint32_t order = 0;

    if (count == 0)
        return;
    while (PAGE_SIZE << order < count * sizeof(struct trace_event))
        order++;
    struct frame *frame = frames_allocate(order, FRAME_KERNEL);
    if (!frame) {
        log_warning("boot", "no memory for a ring of %u events: tracing is off", count);
        return;
    }
    struct trace_event *events = frame_pointer(frame);
    memset(events, 0, count * sizeof(*events));
    trace_add_ring(this_cpu(), events, count);
}
