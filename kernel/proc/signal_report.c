// What the log says of signals: names, and one line for each death that tells who, what and where.
// Faults come from trap/, in the offender's thread, before it leaves at the exit gate.

#include "proc/internal.h"
#include "proc/signal.h"
#include "proc/signal_queue.h"

#include "cpu/frame.h"
#include "debug/log.h"
#include "lib/format.h"

const char *signal_name(uint32_t signal)
{
    static const char *const names[] = {
        "no signal", "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
        "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
        "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
        "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
    };
    if (signal < ARRAY_SIZE(names))
        return names[signal];
    return signal <= SIGNAL_LIMIT ? "a real-time signal" : "no signal";
}

// What programs and people do to one another is ordinary: dmesg has it, the console is spared.
// Faults are told there.
void signal_report_death(struct process *process, uint32_t signal)
{
    if (process->killer_pid)
        log_line(LOG_DEBUG, "process", "%u (%s) killed by %s from %u (%s)", process->pid,
                 process->name, signal_name(signal), process->killer_pid, process->killer_name);
    else
        log_line(LOG_DEBUG, "process", "%u (%s) killed by %s", process->pid, process->name,
                 signal_name(signal));
}

static const char *describe_page_fault(const struct fault_info *fault)
{
    bool is_fetch = fault->error & PAGE_FAULT_FETCH;
    bool is_write = fault->error & PAGE_FAULT_WRITE;
    if (fault->signal == SIGBUS)
        return is_fetch   ? "jump past the end of a file"
               : is_write ? "write past the end of a file"
                          : "read past the end of a file";
    if (fault->code == SEGV_MAPERR)
        return is_fetch   ? "jump to unmapped memory"
               : is_write ? "write to unmapped memory"
                          : "read of unmapped memory";
    return is_fetch   ? "jump into memory that is not executable"
           : is_write ? "write to memory that is read-only"
                      : "read of forbidden memory";
}

static const char *describe_fault(const struct fault_info *fault)
{
    if (fault->reason)
        return fault->reason;
    switch (fault->vector) {
    case VECTOR_DIVIDE:
        return "division by zero or quotient overflow";
    case VECTOR_DEBUG:
        return "single step or debug trap";
    case VECTOR_BREAKPOINT:
        return "breakpoint";
    case VECTOR_OVERFLOW:
        return "overflow trap";
    case VECTOR_BOUND:
        return "bound range exceeded";
    case VECTOR_INVALID_OPCODE:
        return "invalid instruction";
    case VECTOR_NO_SEGMENT:
        return "segment not present";
    case VECTOR_STACK:
        return "stack address not canonical";
    case VECTOR_PROTECTION:
        return "general protection fault";
    case VECTOR_PAGE_FAULT:
        return describe_page_fault(fault);
    case VECTOR_FPU:
        return "x87 exception";
    case VECTOR_ALIGNMENT:
        return "misaligned access";
    case VECTOR_SIMD:
        return "SSE exception";
    default:
        return "unexpected exception";
    }
}

// For the handler's frame. True when a handler will run; one that is blocked does not help, since
// the program cannot go on.
static bool remember_fault(const struct trap_frame *frame, const struct fault_info *fault)
{
    struct process *process = current_process();
    struct thread_signals *signals = &current_thread()->signals;
    process_lock(process);
    uint64_t handler = process->actions[fault->signal - 1].handler;
    bool is_handled = handler != SIG_DFL && handler != SIG_IGN &&
                      !(signals->blocked & SIGNAL_BIT(fault->signal)) && !process->exiting;
    if (is_handled) {
        signals->fault = (struct abi_siginfo){ .signal = (int32_t)fault->signal,
                                               .code = fault->code,
                                               .fault.address = fault->address };
        signals->has_fault = true;
        signals->fault_vector = fault->vector;
        signals->fault_error = fault->error;
    }
    if (is_handled && fault->vector == VECTOR_PAGE_FAULT) {
        signals->fault_address = fault->address;
        // What lies in the kernel's half shall not be told apart.
        if (fault->address >= USER_ADDRESS_LIMIT)
            signals->fault_error |= PAGE_FAULT_PRESENT;
    }
    process_unlock(process);
    if (is_handled)
        thread_add_work(current_thread(), THREAD_WORK_SIGNAL);
    return is_handled;
}

void signal_fault(const struct trap_frame *frame, const struct fault_info *fault)
{
    const struct process *process = current_process();
    char place[32] = "";
    if (remember_fault(frame, fault))
        return;
    if (fault->vector == VECTOR_PAGE_FAULT || fault->address != 0) // the others do not tell theirs
        format_text(place, sizeof(place), " at %#llx", (unsigned long long)fault->address);
    log_notice("process",
               "%u (%s) killed by %s: %s%s, rip %#llx, rsp %#llx, vector %llu, error %#llx",
               process->pid, process->name, signal_name(fault->signal), describe_fault(fault),
               place, (unsigned long long)frame->rip, (unsigned long long)frame->rsp,
               (unsigned long long)fault->vector, (unsigned long long)fault->error);
    signal_end_process(fault->signal);
}
