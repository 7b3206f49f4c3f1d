// Sets of pending signals with their siginfo. Everything here needs the process locked.
#pragma once

#include "abi/process.h"
#include "proc/process.h"

#define SIGNAL_BIT(signal) (1ull << ((signal)-1))
#define SIGNAL_REALTIME_MINIMUM 32u
#define SIGNALS_UNMASKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

void pending_init(struct pending_signals *pending);
// A standard signal that is pending already is not added again. -EAGAIN: a real-time signal that
// carries more than kill's siginfo, and no room for it (limit or memory); others lose their
// siginfo.
must_check int pending_add(struct process *process, struct pending_signals *pending,
                           const struct abi_siginfo *info);
static inline bool pending_has(const struct pending_signals *pending, uint64_t allowed)
{
    return (pending->set & allowed) != 0;
}
// Takes the most urgent signal of the set `allowed`. False: none is pending.
must_check bool pending_take(struct process *process, struct pending_signals *pending,
                             uint64_t allowed, struct abi_siginfo *info);
void pending_discard(struct process *process, struct pending_signals *pending, uint64_t signals);
// From the process's set and its threads'.
void pending_discard_everywhere(struct process *process, uint64_t signals);
