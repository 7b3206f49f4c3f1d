// The system-call table, generated from include/syscalls.def, and its dispatcher. Called by trap/
// for every SYSCALL. Invariant: no number from a program indexes anything before it is checked.

#include "syscall/syscall.h"

#include "abi/errno.h"
#include "debug/log.h"
#include "lib/protection.h"
#include "proc/process.h"

#define SYSCALL(number, call, ...) [number] = sys_##call,
static syscall_handler *const table[SYSCALL_LIMIT] = {
#include "syscalls.def"
};
#undef SYSCALL

// A bit for each number that was reported; the last stands for all numbers beyond the table.
static atomic_ullong reported[SYSCALL_LIMIT / 64 + 1];

static void report_missing(uint32_t number)
{
    uint32_t bit = min_of(number, SYSCALL_LIMIT);
    uint64_t mask = 1ull << (bit % 64);
    if (atomic_fetch_or(&reported[bit / 64], mask) & mask)
        return;
    const struct process *process = current_process();
    log_info("syscall", "%s (%u) called system call %u, which is not implemented", process->name,
             process->pid, number);
}

int64_t syscall_dispatch(struct trap_frame *frame)
{
    uint32_t number = (uint32_t)frame->error; // only the low half counts
    if (PROTECT_CALL_NUMBER && (number >= SYSCALL_LIMIT || !table[number])) {
        report_missing(number);
        return -ENOSYS;
    }
    return table[number](frame->rdi, frame->rsi, frame->rdx, frame->r10, frame->r8, frame->r9);
}
