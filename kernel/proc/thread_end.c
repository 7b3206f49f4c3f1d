// The end of one thread while others of its process go on: exit(2), and execve, which ends all
// threads but its own. Called by the system-call layer, the exit gate and exec.c.
// Invariant: a thread is out of its process's list, and its time is in the process's sums, before
// it stops running; what it left pending for the whole process is another thread's to take.

#include "proc/futex.h"
#include "proc/internal.h"
#include "proc/signal_queue.h"

#include "abi/errno.h"
#include "debug/trace.h"
#include "vm/user_copy.h"

// CLONE_CHILD_CLEARTID: pthread_join waits for this. When nobody else uses the memory nobody waits.
static void clear_tid(struct process *process, user_addr address)
{
    const struct address_space *space = atomic_load(&process->space);
    uint32_t zero = 0;
    if (process->thread_count < 2 && atomic_load(&space->references) < 2)
        return;
    if (put_user(address, zero) == 0) // a bad address is nobody's loss
        (void)futex_wake(address, 1, FUTEX_ANY_BIT, true);
}

void thread_leave_memory(struct process *process)
{
    struct thread_identity *identity = &current_thread()->identity;
    user_addr robust_list = identity->robust_list, clear_child_tid = identity->clear_child_tid;
    identity->robust_list = identity->clear_child_tid = user_addr_make(0);
    if (!user_addr_is_null(robust_list))
        robust_list_leave(robust_list);
    if (!user_addr_is_null(clear_child_tid))
        clear_tid(process, clear_child_tid);
}

bool process_leave_thread(struct process *process)
{
    struct thread *thread = current_thread();
    bool all = process_lock_or_all(process);
    bool last = process->thread_count == 1;
    if (!last) {
        thread_set_translation(thread, NULL); // the last one may drop the space from here on
        process->thread_count--;
        file_table_release(process->files); // not the last reference: the process goes on
        process_account_thread_locked(process, thread);
        pending_discard(process, &thread->signals.pending, ~0ull);
        list_remove(&thread->owner_link);
        thread_unpublish_locked(thread);
        signal_block_locked(thread, ~0ull);
        signal_check_stop_locked(process);
        wait_wake_all(&process->child_exit); // exec and shutdown wait to be alone
    }
    process_unlock_or_all(process, all);
    return last;
}

void process_exit_thread(uint32_t wait_status)
{
    struct process *process = current_process();
    bool last = process->thread_count == 1; // then nobody makes another
    if (!last) {
        thread_leave_memory(process);
        last = process_leave_thread(process);
    }
    if (last)
        process_exit(wait_status);
    thread_exit();
}

// The running thread, which is alone, gets the process's number if its own was another.
static void become_first(struct process *process, struct thread *thread)
{
    thread_unpublish_locked(thread);
    thread->identity.tid = process->pid;
    process->stopped_threads = 0;
}

static void wait_for_others(struct process *process)
{
    struct waiter waiter = { 0 };
    for (;;) {
        wait_prepare(&process->child_exit, &waiter, WAIT_UNINTERRUPTIBLE);
        process_lock(process);
        bool waits = process->thread_count > 1 && !process->exiting;
        process_unlock(process);
        if (!waits || wait_block(WAIT_FOREVER) != 0)
            break;
    }
    wait_finish(&process->child_exit, &waiter);
}

static bool order_others_to_end(struct process *process)
{
    process_lock(process);
    bool may = !process->exiting && !process->exec_thread;
    if (may) {
        process->exec_thread = current_thread();
        list_for_each (node, &process->threads) {
            struct thread *thread = list_entry(node, struct thread, owner_link);
            if (thread != process->exec_thread)
                thread_add_work(thread, THREAD_WORK_SIGNAL);
        }
        wait_wake_all(&process->continued);
    }
    process_unlock(process);
    return may;
}

int process_end_other_threads(struct process *process)
{
    struct thread *thread = current_thread();
    if (process->thread_count == 1 && thread_is_first(thread))
        return 0; // and stays so: nobody else could make a thread
    if (!order_others_to_end(process))
        return -EAGAIN;
    wait_for_others(process);
    process_lock(process);
    bool alone = process->thread_count == 1 && !process->exiting;
    process->exec_thread = NULL;
    if (alone)
        become_first(process, thread);
    process_unlock(process);
    return alone ? 0 : -EAGAIN;
}
