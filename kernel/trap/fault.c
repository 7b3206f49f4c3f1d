// What an exception means. From user mode it is the program's: resolved (page faults) or turned
// into the signal that Linux gives (fault_signal.c). From kernel mode only a user copy may
// fault, and a few debug traps that user code can push over the border; everything else is a kernel
// bug.
#include "abi/process.h"
#include "cpu/interrupts.h"
#include "cpu/isolation.h"
#include "cpu/machine_check.h"
#include "cpu/registers.h"
#include "cpu/tables.h"
#include "debug/panic_report.h"
#include "debug/trace.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "mem/kernel_map.h"
#include "proc/signal.h"
#include "sched/scheduler.h"
#include "trap/fault_signal.h"
#include "trap/trap.h"
#include "vm/address_space.h"
#include "vm/user_atomic.h"
#include "vm/user_copy.h"
#include "vm/user_fpu.h"

#define DR6_SINGLE_STEP (1ull << 14)
#define DR6_INITIAL 0xffff0ff0ull
#define HLT_SIZE 1u

extern const char syscall_entry[], vector_stubs[], idle_hlt[], boot_stack_guard[];
extern const char syscall_entry_isolated[], vector_stubs_isolated[];

static void signal_page_fault(const struct trap_frame *frame, uint64_t address,
                              enum fault_verdict verdict)
{
    struct fault_info fault = { .address = address,
                                .vector = frame->vector,
                                .error = frame->error };

    switch (verdict) {
    case FAULT_RESOLVED:
        trace(TRACE_VERDICT, 0, frame->rip);
        return;
    case FAULT_NO_MEMORY:
        if (!process_wait_for_memory(address))
            trace(TRACE_VERDICT, SIGKILL, frame->rip);
        return; // it dies at the exit gate, or touches the page again
    case FAULT_NO_ROOM:
        fault.reason = "touch of a hole in a file while the file system is full";
        fault.signal = SIGBUS;
        fault.code = BUS_ADRERR;
        break;
    case FAULT_BUS:
        fault.signal = SIGBUS;
        fault.code = BUS_ADRERR;
        break;
    case FAULT_NO_MAPPING:
        fault.signal = SIGSEGV;
        fault.code = SEGV_MAPERR;
        break;
    case FAULT_DENIED:
        fault.signal = SIGSEGV;
        fault.code = SEGV_ACCERR;
        break;
    }
    trace(TRACE_VERDICT, fault.signal, frame->rip);
    signal_fault(frame, &fault);
}

// Programs, and copies for them: there is an address space.
static enum fault_verdict resolve_user_address(uint64_t address, uint64_t error)
{
    return address_space_fault(current_address_space(), address, (uint32_t)error);
}

// The offender is the saved CS. The error code's U bit may say supervisor here: QEMU's emulation
// does so for the stack reads of a far return or IRETQ, which SMAP then refuses. A page
// that is not there is brought in as for the program; one that is there was refused for good.
static void page_fault_from_user(struct trap_frame *frame, uint64_t address)
{
    bool refused = (frame->error & PAGE_FAULT_PRESENT) && !(frame->error & PAGE_FAULT_USER);
    enum fault_verdict verdict = FAULT_DENIED;

    trace(TRACE_FAULT, frame->vector, address);
    if (!refused || address >= USER_ADDRESS_LIMIT)
        verdict = resolve_user_address(address, frame->error);
    signal_page_fault(frame, address, verdict);
}

// At any instruction of the kernel, too: whoever was interrupted may hold any lock, so that it is
// only counted (/proc/interrupts), and otherwise as if nothing had been.
static void survive_machine_check(const struct trap_frame *frame, const char *where)
{
    struct machine_check check;

    machine_check_read(&check);
    if (!machine_check_is_survivable(&check))
        panic_at(frame, "machine check in %s: status %#llx, bank %llu: %#llx, address %#llx", where,
                 (unsigned long long)check.global_status, (unsigned long long)check.bank,
                 (unsigned long long)check.status, (unsigned long long)check.address);
    this_cpu()->interrupt_counts[VECTOR_MACHINE_CHECK]++;
}

void fault_from_user(struct trap_frame *frame)
{
    uint64_t address = read_cr2(); // before interrupts: a nested fault overwrites it
    uint64_t dr6 = 0;

    if (frame->vector == VECTOR_NMI) { // blocks further NMIs: nothing but counting
        panic_note_nmi(frame);
        return;
    }
    if (frame->vector == VECTOR_MACHINE_CHECK) {
        survive_machine_check(frame, "user mode");
        return;
    }
    if (frame->vector == VECTOR_DOUBLE_FAULT)
        panic_at(frame, "%s in user mode", vector_name(frame->vector));
    if (frame->vector == VECTOR_DEBUG) {
        dr6 = read_dr6();
        write_dr6(DR6_INITIAL);
    }
    interrupts_enable_now();
    if (frame->vector == VECTOR_PAGE_FAULT) {
        page_fault_from_user(frame, address);
    } else {
        struct fault_info fault = fault_signal(frame, (dr6 & DR6_SINGLE_STEP) != 0);
        trace(TRACE_FAULT, frame->vector, frame->rip);
        trace(TRACE_VERDICT, fault.signal, frame->rip);
        signal_fault(frame, &fault);
    }
    interrupts_disable_now();
}

// A user copy faulted. Its contract: interrupts on, no spinlock held; so this may sleep.
static bool resolve_user_copy(struct trap_frame *frame, uint64_t address)
{
    uint64_t continuation = user_copy_fixup(frame->rip);

    if (!continuation)
        return false;
    if (PROTECT_NO_FAULT && user_atomic_must_not_fault(frame->rip)) {
        frame->rip = continuation;
        return true;
    }
    kassert(frame->rflags & RFLAGS_IF);
    interrupts_enable_now();
    enum fault_verdict verdict;
    do
        verdict = resolve_user_address(address, frame->error);
    while (verdict == FAULT_NO_MEMORY && process_wait_for_memory(address));
    interrupts_disable_now();
    if (verdict != FAULT_RESOLVED)
        frame->rip = continuation;
    return true;
}

// `mov ss` before SYSCALL or `int3` delays a #DB to the kernel's first instruction (CVE-2018-8897):
// harmless, since #DB has its own stack. A single step anywhere else is a flag that leaked in.
static bool debug_trap_is_harmless(const struct trap_frame *frame)
{
    uint64_t dr6 = read_dr6();
    uint64_t stubs = (uint64_t)(isolation_is_on ? vector_stubs_isolated : vector_stubs);
    uint64_t entry = (uint64_t)(isolation_is_on ? syscall_entry_isolated : syscall_entry);

    write_dr6(DR6_INITIAL);
    if (frame->rip == entry)
        return true;
    if (frame->rip >= stubs && frame->rip < stubs + VECTOR_STUBS_SIZE)
        return true;
    return !(dr6 & DR6_SINGLE_STEP) && !(frame->rflags & RFLAGS_TF);
}

static bool is_stack_guard(uint64_t address)
{
    return kernel_stack_is_guard(address) ||
           align_down(address, PAGE_SIZE) == (uint64_t)boot_stack_guard;
}

static void report_kernel_fault(const struct trap_frame *frame, uint64_t address)
{
    if (frame->vector == VECTOR_DOUBLE_FAULT &&
        (is_stack_guard(address) || is_stack_guard(frame->rsp)))
        panic_at(frame, "kernel stack overflow of thread %u (%s): it reached the guard page",
                 current_thread()->id, current_thread()->name);
    if (frame->vector == VECTOR_PAGE_FAULT)
        panic_at(frame, "page fault in the kernel: address %#llx, error code %#llx",
                 (unsigned long long)address, (unsigned long long)frame->error);
    panic_at(frame, "%s in the kernel, error code %#llx", vector_name(frame->vector),
             (unsigned long long)frame->error);
}

// What comes in STI's shadow ends it: an interrupt behind would be taken before the HLT, which then
// slept through what it announced (interrupts_wait).
static void step_over_idle_hlt(struct trap_frame *frame)
{
    if (frame->rip == (uint64_t)idle_hlt)
        frame->rip += HLT_SIZE;
}

void fault_from_kernel(struct trap_frame *frame)
{
    uint64_t address = read_cr2();

    switch (frame->vector) {
    case VECTOR_NMI:
        panic_note_nmi(frame);
        step_over_idle_hlt(frame);
        return;
    case VECTOR_MACHINE_CHECK:
        survive_machine_check(frame, "the kernel");
        step_over_idle_hlt(frame);
        return;
    case VECTOR_DEBUG:
        if (debug_trap_is_harmless(frame))
            return;
        break;
    case VECTOR_PAGE_FAULT:
        trace(TRACE_FAULT, frame->vector, address);
        if (address < USER_ADDRESS_LIMIT && resolve_user_copy(frame, address))
            return;
        break;
    case VECTOR_PROTECTION:
        // A program's FPU state that changed after it was checked.
        if (user_fpu_is_restoring(frame->rip)) {
            frame->rip = user_copy_fixup(frame->rip);
            return;
        }
        break;
    }
    report_kernel_fault(frame, address);
}
