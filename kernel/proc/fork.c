// A new process with one thread that continues where its parent made the system call. Called by
// clone.c, in the parent.
// Invariant: the child becomes visible in one step under its parent's lock, and only when the
// calling thread has no signal to take. Signals to a group are sent with all locked, or are caught
// up with: they reach the parent before the call, or both after.

#include "proc/internal.h"
#include "proc/signal.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "debug/trace.h"
#include "lib/string.h"
#include "mem/object_cache.h"

static int copy_space(struct process *child, struct process *parent, uint64_t flags)
{
    struct address_space *space = current_address_space();
    if (flags & CLONE_VM) {
        address_space_reference(space);
    } else if ((space = address_space_fork(space)) != NULL) {
        trace_step(STEP_COPY_MEMORY, space->translation.root.value);
        process_apply_memory_limits(child, space); // the parent's may have changed since its own
    }
    atomic_store(&child->space, space);
    child->vfork_borrowing = (flags & CLONE_VFORK) != 0;
    return space ? 0 : -ENOMEM;
}

static int copy_files(struct process *child, struct process *parent, uint64_t flags)
{
    if (flags & CLONE_FILES) {
        file_table_reference(parent->files);
        child->files = parent->files;
    } else {
        child->files = file_table_copy(parent->files);
    }
    if (!child->files)
        return -ENOMEM;
    if (parent->executable_path) {
        child->executable_path = memory_duplicate_string(parent->executable_path);
        if (!child->executable_path)
            return -ENOMEM;
    }
    if (parent->executable) {
        inode_reference(parent->executable);
        atomic_fetch_add(&parent->executable->executing, 1);
        child->executable = parent->executable;
    }
    return 0;
}

// What other threads of the parent may change meanwhile is copied under the lock.
static void inherit(struct process *child, struct process *parent,
                    const struct clone_request *request)
{
    child->exit_signal = request->exit_signal;
    child->start_ns = clock_now_ns();
    process_lock(parent);
    child->umask = parent->umask;
    child->personality = parent->personality;
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    child->working_directory = parent->working_directory;
    inode_reference(child->working_directory);
    signal_inherit_actions_locked(child, parent, request->flags);
    process_unlock(parent);
}

static int publish_locked(struct process *child, struct process *parent, struct thread *thread)
{
    if (process_is_interrupted_locked(parent, current_thread()))
        return -ERESTARTNOINTR;
    if (!process_may_grow_locked(parent))
        return -EAGAIN;
    child->gave_up_terminal = parent->gave_up_terminal; // of the session that it joins now
    return process_publish_locked(child, parent, thread);
}

// While a group's signals are under way the walk may have passed where the child comes to stand:
// the parent gets its own now.
never_inlined static int publish_in_walk(struct process *child, struct process *parent,
                                         struct thread *thread)
{
    process_lock_all();
    process_group_signals_catch_up_locked(parent);
    int error = publish_locked(child, parent, thread);
    process_unlock_all();
    return error;
}

static int publish(struct process *child, struct process *parent, struct thread *thread)
{
    process_lock(parent);
    bool walks = process_group_signals_wait_locked();
    int error = walks ? 0 : publish_locked(child, parent, thread);
    process_unlock(parent);
    return unlikely(walks) ? publish_in_walk(child, parent, thread) : error;
}

// Killable: a parent that dies does not wait on, but one that lives has its memory for itself
// again. Work that is not deadly (a stop) is put off.
static void wait_for_vfork(struct process *parent, struct process *child)
{
    struct waiter waiter = { 0 };
    for (;;) {
        wait_prepare(&child->vfork_done, &waiter, WAIT_INTERRUPTIBLE);
        bool borrowing = atomic_load(&child->vfork_borrowing);
        if (!borrowing)
            break;
        if (wait_block(WAIT_FOREVER) == 0)
            continue;
        // Cleared first, looked at second: a signal that arrives in between sets the bit again.
        atomic_fetch_and(&current_thread()->work, ~THREAD_WORK_SIGNAL);
        if (signal_death_begin(parent))
            break;
    }
    wait_finish(&child->vfork_done, &waiter);
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL); // the gate looks at what was put off
}

void process_vfork_finish(struct process *process)
{
    if (!atomic_load_explicit(&process->vfork_borrowing, memory_order_relaxed))
        return;
    atomic_store(&process->vfork_borrowing, false);
    wait_wake_all(&process->vfork_done);
}

static void note_fork(uint32_t pid, uint32_t parent_pid, const struct thread *thread)
{
    trace_record(TRACE_STEP, STEP_CREATE_ENTRY, pid);
    trace_record(TRACE_FORK, pid, parent_pid);
    trace_name(thread->id, pid, thread->name);
}

int64_t process_fork(const struct clone_request *request)
{
    struct process *parent = current_process();
    struct process *child = process_create(current_thread()->name);
    if (!child)
        return -ENOMEM;
    inherit(child, parent, request);
    int error = copy_space(child, parent, request->flags);
    if (!error)
        error = copy_files(child, parent, request->flags);
    if (error)
        goto discard_process;
    struct thread *thread = process_thread_create(child, request);
    if (!thread) {
        error = -ENOMEM;
        goto discard_process;
    }
    process_reference(child); // the child may be gone before this function ends
    error = publish(child, parent, thread);
    if (error)
        goto discard_thread;

    uint32_t pid = child->pid;
    if (unlikely(trace_enabled))
        note_fork(pid, parent->pid, thread);
    if (request->flags & CLONE_PARENT_SETTID)
        process_store_tid(request->parent_tid, pid);
    thread_start(thread);
    if (request->flags & CLONE_VFORK) {
        wait_for_vfork(parent, child);
        // The child's own, set before it executed a program, were the space's until now.
        process_apply_memory_limits(parent, current_address_space());
    }
    process_release(child);
    return pid;

discard_thread:
    process_release(child);
    thread_discard(thread);
discard_process:
    process_discard(child);
    return error;
}
