// What a system call does besides its handler, when something wants to know of every call: debug
// builds, tracing, timer=off. Called by cpu/entry.S, which otherwise calls the handler straight.
#include "trap/system_call.h"

#include "cpu/interrupts.h"
#include "cpu/upcalls.h"
#include "debug/fail.h"
#include "debug/latency.h"
#include "debug/trace.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "sched/scheduler.h"

_Static_assert(offsetof(struct thread, work) == THREAD_WORK_OFFSET, "entry.S looks at it");

uint32_t syscall_detour = 1; // until it is known that nobody wants it
static bool sysret_is_never;

void system_calls_begin(bool never_sysret)
{
    sysret_is_never = never_sysret;
    syscall_detour = DEBUG_CHECKS || !PROTECT_FAST_RETURN || never_sysret || trace_enabled ||
                     scheduler_timer_is_off();
}

bool sysret_is_allowed(void)
{
    return !sysret_is_never;
}

// What SFMASK promises. A missing bit would show here, in debug builds, at the first system call
// that sets the flag.
static void check_entry_flags(void)
{
    uint64_t flags = read_rflags();

    kassert(!(flags & (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_IOPL)));
}

// What a C function may leave behind, this one does in debug builds: the entry must load the
// arguments again.
static void spoil_arguments(void)
{
    __asm__ volatile("xorl %%eax, %%eax; xorl %%edi, %%edi; xorl %%esi, %%esi; xorl %%edx, %%edx;"
                     "xorl %%ecx, %%ecx; xorl %%r8d, %%r8d; xorl %%r9d, %%r9d; xorl %%r10d, %%r10d"
                     :
                     :
                     : "rax", "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10");
}

void syscall_begin(const struct trap_frame *frame)
{
    if (DEBUG_CHECKS) {
        check_entry_flags();
        kassert(upcall_frame_is_first());
        fail_call_begins();
    }
    latency_mark((uint64_t)syscall_begin);
    if (unlikely(scheduler_timer_is_off()))
        scheduler_check_deadlines();
    trace(TRACE_ENTRY, VECTOR_SYSCALL | frame->rax << 32, frame->rip);
    if (DEBUG_CHECKS)
        spoil_arguments();
}
