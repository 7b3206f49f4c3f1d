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

static bool add_ring(struct percpu *cpu, uint32_t count)
{
    uint32_t order = 0;

    while (PAGE_SIZE << order < count * sizeof(struct trace_event))
        order++;
    struct frame *frame = frames_allocate(order, FRAME_KERNEL);
    if (!frame)
        return false;
    struct trace_event *events = frame_pointer(frame);
    memset(events, 0, count * sizeof(*events));
    trace_add_ring(cpu, events, count);
    return true;
}

void boot_start_trace(void)
{
    uint32_t count = boot_options.trace_events;

    if (count != 0 && !add_ring(this_cpu(), count))
        log_warning("boot", "no memory for a ring of %u events: tracing is off", count);
}

// The rings of all further CPUs may take a 32nd of the memory that is free before the first of
// them.
uint32_t boot_trace_share(uint32_t further_cpus)
{
    uint32_t count = trace_ring_events();
    struct frame_counts frames;

    frames_count(&frames);
    while (count > TRACE_MINIMUM_EVENTS &&
           count * sizeof(struct trace_event) * further_cpus > frames.free * PAGE_SIZE / 32)
        count /= 2;
    if (count < trace_ring_events())
        log_info("boot", "further CPUs have rings of %u events", count);
    return count;
}

void boot_add_trace(struct percpu *cpu, uint32_t count)
{
    if (count != 0 && !add_ring(cpu, count))
        log_warning("boot", "no memory for a ring of %u events of CPU %u", count, cpu->number);
}
