// The end: says why, and restarts. Called from any context with anything broken, so: no lock is
// taken, no memory allocated, interrupts stay off. A panic inside the panic says so, where it was
// and what both are, and restarts at once; a third one resets the CPU. Invariant: nothing returns
// from here.
#include "lib/panic.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "cpu/clock.h"
#include "cpu/frame.h"
#include "cpu/percpu.h"
#include "cpu/registers.h"
#include "cpu/report.h"
#include "debug/log.h"
#include "debug/panic_catch.h"
#include "debug/panic_report.h"
#include "debug/symbols.h"
#include "debug/trace.h"
#include "dev/power.h"
#include "lib/format.h"
#include "lib/protection.h"
#include "lib/string.h"

#define LAST_EVENTS 64u
#define FRAME_SIZE_LIMIT 65536u
#define NS_PER_SECOND 1000000000ull
#define FORMAT_LIMIT 120u

// The functions on the way in may be running because the canary is broken.
#define no_canary __attribute__((no_stack_protector))

void __stack_chk_fail(void); // called by what the compiler puts at the end of functions

static atomic_uint panic_depth; // of the CPU whose panic it is
static uint32_t restart_seconds = 10;
static panic_describe describe;
static const char *first_format; // of the panic that is being reported
// Not on the stack, which may be what is broken.
static char message[256];
static char who[128];

void panic_set_restart_seconds(uint32_t seconds)
{
    restart_seconds = seconds;
}

void panic_set_describer(panic_describe describer)
{
    describe = describer;
}

noreturn_function static void end_machine(void)
{
    if (restart_seconds == 0) {
        log_emergency_line("panic", "halted");
        power_halt();
    }
    power_restart();
}

static void wait_for_restart(void)
{
    if (restart_seconds > 0)
        log_emergency_line("panic", "restarting in %u s", restart_seconds);
    for (uint32_t i = 0; i < restart_seconds; i++)
        clock_spin_ns(NS_PER_SECOND);
}

// As it is, without the formatter: that, or an argument, may be what faulted.
static void report_as_is(const char *what, const char *format)
{
    size_t length = strnlen(format, FORMAT_LIMIT), begin = strlen(what);

    memcpy(message, what, begin);
    memcpy(message + begin, format, length);
    message[begin + length] = '\n';
    log_emergency(message, begin + length + 1);
}

static void report_second(const char *format, const struct trap_frame *frame)
{
    report_as_is("\npanic while reporting a panic: ", format);
    report_as_is("the first: ", first_format);
    if (frame)
        log_emergency_line("panic", "vector %llu at 0x%016llx, cr2 %016llx, kernel offset %#llx",
                           (unsigned long long)frame->vector, (unsigned long long)frame->rip,
                           (unsigned long long)read_cr2(), (unsigned long long)symbols_offset());
}

// Returns at the first panic only.
static void enter(const char *format, const struct trap_frame *frame)
{
    if (!panic_claim(this_cpu()))
        panic_rest(format); // another CPU is reporting
    unsigned depth = atomic_fetch_add(&panic_depth, 1);
    if (depth > 1)
        power_triple_fault();
    if (depth == 1) {
        report_second(format, frame);
        end_machine();
    }
    first_format = format;
}

static void receive_report(const char *area, const char *text)
{
    log_emergency_line(area, "%s", text);
}

static void print_registers(const struct trap_frame *frame)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
#define REGISTER(name) { #name, offsetof(struct trap_frame, name) }
        REGISTER(rip), REGISTER(rsp), REGISTER(rflags), REGISTER(rax), REGISTER(rbx), REGISTER(rcx),
        REGISTER(rdx), REGISTER(rsi), REGISTER(rdi),    REGISTER(rbp), REGISTER(r8),  REGISTER(r9),
        REGISTER(r10), REGISTER(r11), REGISTER(r12),    REGISTER(r13), REGISTER(r14), REGISTER(r15),
#undef REGISTER
    };
    uint64_t values[3];

    log_emergency_line("panic", "vector %llu, error 0x%llx, from %s, cs 0x%llx, ss 0x%llx",
                       (unsigned long long)frame->vector, (unsigned long long)frame->error,
                       frame_is_from_user(frame) ? "user mode" : "kernel mode",
                       (unsigned long long)frame->cs, (unsigned long long)frame->ss);
    for (size_t i = 0; i + 2 < ARRAY_SIZE(rows); i += 3) {
        for (size_t j = 0; j < 3; j++)
            memcpy(&values[j], (const char *)frame + rows[i + j].offset, sizeof(values[j]));
        log_emergency_line("panic", "%-6s %016llx  %-6s %016llx  %-6s %016llx", rows[i].name,
                           (unsigned long long)values[0], rows[i + 1].name,
                           (unsigned long long)values[1], rows[i + 2].name,
                           (unsigned long long)values[2]);
    }
}

static void print_cpu(void)
{
    const struct percpu *cpu = this_cpu();

    log_emergency_line("panic", "kernel offset %#llx", (unsigned long long)symbols_offset());
    log_emergency_line("panic", "cr2 %016llx  cr3 %016llx  cr4 %016llx",
                       (unsigned long long)read_cr2(), (unsigned long long)read_cr3(),
                       (unsigned long long)read_cr4());
    log_emergency_line("panic",
                       "cpu %u, %u spinlocks held, %llu timer interrupts, %llu NMIs, %llu switches",
                       cpu->number, cpu->held_lock_count, (unsigned long long)cpu->timer_interrupts,
                       (unsigned long long)cpu->nmi_count, (unsigned long long)cpu->switch_count);
    if (!describe)
        return;
    size_t length = describe(who, sizeof(who));
    if (length > 0)
        log_emergency_line("panic", "running: %.*s", (int)min_of(length, sizeof(who) - 1), who);
}

// A frame pointer that does not belong to the frame's stack is not followed.
static uint64_t trusted_frame_pointer(const struct trap_frame *frame)
{
    bool on_its_stack = frame->rbp >= frame->rsp && frame->rbp - frame->rsp < FRAME_SIZE_LIMIT;

    return !frame_is_from_user(frame) && on_its_stack ? frame->rbp : 0;
}

noreturn_function static void report(const struct trap_frame *frame, uint64_t frame_pointer,
                                     uint64_t address, const char *format, va_list arguments)
{
    panic_stop_others();
    report_to(receive_report); // what power and others say goes around the lock, too
    format_text_va(message, sizeof(message), format, arguments);
    log_emergency_line("panic", "%s", message);
    log_emergency_line("panic", "last events");
    trace_print_last(LAST_EVENTS);
    log_emergency_line("panic", "%s", message); // again: a screen shows what comes last
    if (frame)
        print_registers(frame);
    print_cpu();
    panic_tell_others();
    backtrace_print(frame ? trusted_frame_pointer(frame) : frame_pointer, address);
    wait_for_restart();
    end_machine();
}

no_canary void panic(const char *format, ...)
{
    va_list arguments;

    __asm__ volatile("cli" ::: "memory");
    if (DEBUG_CHECKS) {
        va_start(arguments, format);
        panic_catch(format, arguments);
        va_end(arguments);
    }
    enter(format, NULL);
    va_start(arguments, format);
    report(NULL, (uint64_t)__builtin_frame_address(0), (uint64_t)panic, format, arguments);
}

no_canary void panic_at(const struct trap_frame *frame, const char *format, ...)
{
    va_list arguments;

    __asm__ volatile("cli" ::: "memory");
    enter(format, frame);
    va_start(arguments, format);
    report(frame, 0, frame->rip, format, arguments);
}

void __stack_chk_fail(void)
{
    panic("a function's stack frame was overwritten (canary)");
}
