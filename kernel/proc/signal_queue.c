// Pending signals: a bit each, and an entry with siginfo where there was room for one. Called by
// the files signal*.c of this folder with the lock of the process held.
// Invariant: process->queued_signals is the number of entries in the process's own set and in its
// threads' sets; a signal with an entry has its bit set.

#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "lib/panic.h"
#include "mem/object_cache.h"

// Those that an instruction of the program causes come first: the frame must show that instruction.
#define SYNCHRONOUS_SIGNALS                                                                        \
    (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |         \
     SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

static OBJECT_CACHE(entry_cache, "signal", struct signal_entry);

void pending_init(struct pending_signals *pending)
{
    pending->set = 0;
    list_init(&pending->entries);
    list_init(&pending->first.link);
}

static bool is_realtime(uint32_t signal)
{
    return signal >= SIGNAL_REALTIME_MINIMUM;
}

// The kernel's and kill's standard signals are not limited: there is one entry each at most.
static struct signal_entry *allocate_entry(struct process *process, struct pending_signals *pending,
                                           const struct abi_siginfo *info)
{
    bool is_limited = is_realtime((uint32_t)info->signal) || info->code < 0;
    if (PROTECT_LIMITS && is_limited &&
        process->queued_signals >= process->limits[RLIMIT_SIGPENDING].current)
        return NULL;
    struct signal_entry *entry = &pending->first;
    if (!list_is_empty(&entry->link))
        entry = object_allocate(&entry_cache);
    if (entry)
        process->queued_signals++;
    return entry;
}

static void free_entry(struct process *process, struct pending_signals *pending,
                       struct signal_entry *entry)
{
    list_remove(&entry->link);
    kassert(process->queued_signals != 0);
    process->queued_signals--;
    if (entry != &pending->first)
        object_release(&entry_cache, entry);
}

int pending_add(struct process *process, struct pending_signals *pending,
                const struct abi_siginfo *info)
{
    uint32_t signal = (uint32_t)info->signal;
    if (!is_realtime(signal) && pending->set & SIGNAL_BIT(signal))
        return 0;
    struct signal_entry *entry = allocate_entry(process, pending, info);
    if (entry) {
        entry->info = *info;
        list_append(&pending->entries, &entry->link);
    } else if (is_realtime(signal) && info->code != SI_USER) {
        return -EAGAIN;
    }
    pending->set |= SIGNAL_BIT(signal);
    return 0;
}

static uint32_t most_urgent(uint64_t set)
{
    if (set & SIGNAL_BIT(SIGKILL))
        return SIGKILL;
    if (set & SYNCHRONOUS_SIGNALS)
        set &= SYNCHRONOUS_SIGNALS;
    return (uint32_t)__builtin_ctzll(set) + 1;
}

static struct signal_entry *find_entry(struct pending_signals *pending, uint32_t signal)
{
    list_for_each (node, &pending->entries) {
        struct signal_entry *entry = list_entry(node, struct signal_entry, link);
        if ((uint32_t)entry->info.signal == signal)
            return entry;
    }
    return NULL;
}

bool pending_take(struct process *process, struct pending_signals *pending, uint64_t allowed,
                  struct abi_siginfo *info)
{
    if (!(pending->set & allowed))
        return false;
    uint32_t signal = most_urgent(pending->set & allowed);
    struct signal_entry *first = find_entry(pending, signal);
    if (first) {
        *info = first->info;
        free_entry(process, pending, first);
    } else {
        *info = (struct abi_siginfo){ .signal = (int32_t)signal, .code = SI_USER };
    }
    if (!is_realtime(signal) || !find_entry(pending, signal))
        pending->set &= ~SIGNAL_BIT(signal);
    return true;
}

void pending_discard(struct process *process, struct pending_signals *pending, uint64_t signals)
{
    pending->set &= ~signals;
    list_for_each_safe (node, spare, &pending->entries) {
        struct signal_entry *entry = list_entry(node, struct signal_entry, link);
        if (signals & SIGNAL_BIT(entry->info.signal))
            free_entry(process, pending, entry);
    }
}

never_inlined void pending_discard_everywhere(struct process *process, uint64_t signals)
{
    pending_discard(process, &process->pending_signals, signals);
    list_for_each (node, &process->threads) {
        struct thread *thread = list_entry(node, struct thread, owner_link);
        pending_discard(process, &thread->signals.pending, signals);
    }
}
