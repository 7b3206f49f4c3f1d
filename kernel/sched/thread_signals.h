// What the process layer keeps of signals in each thread; nothing in sched/ looks at it. Guarded by
// the process lock; `blocked`, `saved_blocked` and the stack are written by the thread itself only.
#pragma once

#include "abi/signal.h"
#include "lib/list.h"
#include "lib/types.h"

// Signals sent and not yet taken. A standard signal is in `set` at most once; an entry, when there
// was memory for one, holds its siginfo. Real-time signals have an entry for each time.
struct signal_entry {
    struct list_node link;
    struct abi_siginfo info;
};
struct pending_signals {
    uint64_t set; // bit n-1
    struct list_node entries;
    struct signal_entry first; // used before any is allocated; in no list: free
};

// Where an interrupted sleep, wait for a futex, or poll goes on (restart_syscall).
struct sleep_restart {
    uint64_t deadline_ns; // 0: none
    user_addr remaining;
    user_addr futex; // NULL: no futex
    uint32_t futex_value, futex_bits;
    bool futex_shared;
    bool polls;
    uint32_t request_count;
    user_addr requests; // of poll
};

struct thread_signals {
    uint64_t blocked;
    uint64_t saved_blocked; // to be put back at the exit gate
    bool restores_blocked;
    uint64_t awaited; // rt_sigtimedwait takes these although they are blocked
    struct pending_signals pending;
    bool has_fault; // `fault` comes before everything pending
    struct abi_siginfo fault;
    uint64_t fault_vector, fault_error, fault_address; // of the last one, for mcontext
    struct abi_signal_stack stack;
    struct sleep_restart sleep;
};
