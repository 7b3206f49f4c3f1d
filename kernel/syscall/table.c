// The system-call table, generated from include/syscalls.def. The entry (cpu/entry.S) calls its
// slots. Invariant: no slot is NULL, and no number from a program indexes anything before it is
// checked.

#include "syscall/syscall.h"

#include "abi/errno.h"
#include "debug/log.h"
#include "proc/process.h"

// Which numbers were reported; the last stands for all numbers beyond the table.
static atomic_bool reported[SYSCALL_LIMIT + 1];

// The entry's may be the slot beyond the table; the frame has the program's.
static uint32_t called_number(void)
{
    return (uint32_t)thread_user_frame(current_thread())->error;
}

never_inlined static HANDLER0(missing_first_time)
{
    const struct process *process = current_process();
    uint32_t number = called_number();
    if (!atomic_exchange(&reported[min_of(number, SYSCALL_LIMIT)], true))
        log_info("syscall", "%s (%u) called system call %u, which is not implemented",
                 process->name, process->pid, number);
    return -ENOSYS;
}

HANDLER0(missing)
{
    uint32_t slot = min_of(called_number(), SYSCALL_LIMIT);
    if (atomic_load_explicit(&reported[slot], memory_order_relaxed))
        return -ENOSYS;
    // A jump: the usual way needs no stack frame.
    __attribute__((musttail)) return sys_missing_first_time(unused1, unused2, unused3, unused4,
                                                            unused5, unused6);
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides" // what is there replaces what is missing
#define SYSCALL(number, call, ...) [number] = sys_##call,
syscall_handler *const syscall_table[SYSCALL_LIMIT + 1] = {
    [0 ... SYSCALL_LIMIT] = sys_missing,
#include "syscalls.def"
};
#undef SYSCALL
#pragma clang diagnostic pop
