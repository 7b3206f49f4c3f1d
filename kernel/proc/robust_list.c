// Robust lists: a program keeps a list of the locks that a thread holds; when the thread leaves its
// memory with locks in the list, each says so in its word, and one who waits for it is woken.
// At execve the thread has the number of the first one already, as on Linux: locks that it took
// under a number of its own are not told of.
// Invariant: the list is the program's and may be anything: every address goes through the user
// copy, and the walk has an end.

#include "abi/errno.h"
#include "abi/futex.h"
#include "proc/futex.h"
#include "proc/internal.h"
#include "sched/scheduler.h"
#include "vm/user_atomic.h"
#include "vm/user_copy.h"

// The word of an entry's lock is told of. False: it cannot be reached, and the walk ends.
static bool tell_word(user_addr word, bool is_pending, bool is_inheriting)
{
    uint32_t tid = current_thread()->identity.tid, value;
    if (user_addr_as_number(word) % sizeof(value) != 0 || user_load32(&value, word) != 0)
        return false;
    for (;;) {
        // It died between unlocking and the wake-up, or was woken and died before it took the lock:
        // somebody else has to be told, and the word says already what it must.
        if (is_pending && !is_inheriting && (value & FUTEX_TID_MASK) == 0) {
            (void)!futex_wake(word, 1, FUTEX_ANY_BIT, true);
            return true;
        }
        if ((value & FUTEX_TID_MASK) != tid)
            return true; // not its own
        uint32_t seen, told = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if (user_compare_exchange32(word, value, told, &seen) != 0)
            return false;
        if (seen == value)
            break;
        value = seen;
        preempt_point();
    }
    if (!is_inheriting && value & FUTEX_WAITERS)
        (void)!futex_wake(word, 1, FUTEX_ANY_BIT, true);
    return true;
}

static bool tell_entry(const struct abi_robust_list_head *head, uint64_t entry, bool is_pending)
{
    uint64_t address = (entry & ~ROBUST_ENTRY_PI) + (uint64_t)head->futex_offset;
    return tell_word(user_addr_make(address), is_pending, entry & ROBUST_ENTRY_PI);
}

// The next entry is fetched before this one's lock is told of: its new holder may take it out.
void robust_list_leave(user_addr list)
{
    struct abi_robust_list_head head;
    if (get_user(head, list) != 0)
        return;
    uint64_t entry = head.first;
    for (uint32_t i = 0; i < ROBUST_LIST_LIMIT; i++) {
        uint64_t address = entry & ~ROBUST_ENTRY_PI, next;
        if (address == user_addr_as_number(list))
            break;
        int error = get_user(next, user_addr_make(address));
        if (address != (head.pending & ~ROBUST_ENTRY_PI) && !tell_entry(&head, entry, false))
            return;
        if (error)
            return;
        entry = next;
        preempt_point();
    }
    if (head.pending & ~ROBUST_ENTRY_PI)
        (void)!tell_entry(&head, head.pending, true);
}

int robust_list_of(uint32_t tid, uint64_t *address)
{
    struct process *process = process_find_and_lock(tid);
    if (!process)
        return -ESRCH;
    const struct thread *thread = tid ? thread_find_locked(process, tid) : current_thread();
    if (thread)
        *address = user_addr_as_number(thread->identity.robust_list);
    process_unlock_and_release(process);
    return thread ? 0 : -ESRCH;
}
