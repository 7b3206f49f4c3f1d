// fork, vfork and clone: a new process with one thread that continues where its parent made the
// system call. Called by the system-call layer, in the parent.
// Invariant: the child becomes visible in one step under process_lock, and only when no
// signal is pending for the parent: a signal to a group reaches the parent before or both after.

#include "proc/internal.h"
#include "proc/signal.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/upcalls.h"
#include "debug/trace.h"
#include "lib/string.h"
#include "mem/object_cache.h"
#include "vm/user_copy.h"

#define CLONE_EXIT_SIGNAL_MASK 0xffull
#define CLONE_UNTRACED 0x800000ull
#define CLONE_SUPPORTED                                                                            \
    (CLONE_EXIT_SIGNAL_MASK | CLONE_VM | CLONE_FILES | CLONE_VFORK | CLONE_SETTLS |                \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED | CLONE_CHILD_SETTID |            \
     CLONE_UNTRACED)

// A bad address is not reported, as on Linux: the child exists all the same.
static void store_thread_id(user_addr address, uint32_t pid)
{
    if (put_user(address, pid) != 0)
        return;
}

// The child's first code, on its own kernel stack, in its own address space.
static void start_child(void *argument)
{
    struct process *process = argument;
    if (!user_addr_is_null(process->set_child_tid))
        store_thread_id(process->set_child_tid, process->pid);
    thread_return_to_user();
}

static int copy_space(struct process *child, struct process *parent, uint64_t flags)
{
    struct address_space *space = current_address_space();
    if (flags & CLONE_VM)
        address_space_reference(space);
    else
        space = address_space_fork(space);
    if (!(flags & CLONE_VM) && space)
        trace_step(STEP_COPY_MEMORY, space->translation.root.value);
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
    child->working_directory = process_working_directory(parent);
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

static struct thread *create_thread(struct process *child, uint64_t flags, uint64_t stack,
                                    uint64_t tls)
{
    struct thread *thread = thread_create(child->name, start_child, child, true);
    if (!thread)
        return NULL;
    struct trap_frame *frame = thread_user_frame(thread);
    *frame = *thread_user_frame(current_thread());
    frame->rax = 0;
    if (stack)
        frame->rsp = stack;
    thread_copy_user_registers(thread);
    if (flags & CLONE_SETTLS)
        thread->fs_base = tls; // the thread is NEW: nothing reads it yet
    signal_inherit(child, thread, flags);
    thread_set_translation(thread, &atomic_load(&child->space)->translation);
    return thread;
}

static void inherit(struct process *child, const struct process *parent, uint64_t flags,
                    user_addr child_tid)
{
    child->umask = parent->umask;
    child->gave_up_terminal = parent->gave_up_terminal;
    child->nice = parent->nice;
    child->exit_signal = flags & CLONE_EXIT_SIGNAL_MASK;
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    child->start_ns = clock_now_ns();
    if (flags & CLONE_CHILD_SETTID)
        child->set_child_tid = child_tid;
    if (flags & CLONE_CHILD_CLEARTID)
        child->clear_child_tid = child_tid;
}

static int publish(struct process *child, struct process *parent, struct thread *thread)
{
    spinlock_acquire(&process_lock);
    int error;
    if (parent->exiting || signal_deliverable_locked(parent, current_thread()) != 0)
        error = -ERESTARTNOINTR;
    else if (process_shutting_down || process_count >= parent->limits[RLIMIT_NPROC].current)
        error = -EAGAIN;
    else
        error = process_publish_locked(child, parent, parent->group, parent->session);
    if (!error)
        process_attach_thread(child, thread);
    spinlock_release(&process_lock);
    return error;
}

// Killable: a parent that is to die does not wait on. Work that is not deadly (a stop) is put off.
static void wait_for_vfork(struct process *parent, struct process *child)
{
    struct waiter waiter = { 0 };
    for (;;) {
        wait_prepare(&child->vfork_done, &waiter, WAIT_INTERRUPTIBLE);
        spinlock_acquire(&process_lock);
        bool borrowing = child->vfork_borrowing;
        spinlock_release(&process_lock);
        if (!borrowing)
            break;
        if (wait_block(WAIT_FOREVER) == 0)
            continue;
        // Cleared first, looked at second: a signal that arrives in between sets the bit again.
        atomic_fetch_and(&current_thread()->work, ~THREAD_WORK_SIGNAL);
        spinlock_acquire(&process_lock);
        bool dying = signal_death_is_due(parent);
        spinlock_release(&process_lock);
        if (dying)
            break;
    }
    wait_finish(&child->vfork_done, &waiter);
    thread_add_work(current_thread(), THREAD_WORK_SIGNAL); // the gate looks at what was put off
}

void process_vfork_finish(struct process *process)
{
    spinlock_acquire(&process_lock);
    process->vfork_borrowing = false;
    wait_wake_all(&process->vfork_done);
    spinlock_release(&process_lock);
}

static int check_clone(uint64_t flags, uint64_t tls)
{
    if (flags & ~CLONE_SUPPORTED || (flags & CLONE_EXIT_SIGNAL_MASK) > SIGNAL_LIMIT)
        return -EINVAL;
    // A base beyond user addresses would be loaded into FS on the way out, and fault there.
    if (flags & CLONE_SETTLS && tls >= USER_ADDRESS_LIMIT)
        return -EPERM;
    return 0;
}

static void note_fork(uint32_t pid, uint32_t parent_pid, const struct thread *thread)
{
    trace_record(TRACE_STEP, STEP_CREATE_ENTRY, pid);
    trace_record(TRACE_FORK, pid, parent_pid);
    trace_name(thread->id, pid, thread->name);
}

int64_t process_fork(uint64_t flags, uint64_t stack, user_addr parent_tid, user_addr child_tid,
                     uint64_t tls)
{
    struct process *parent = current_process();
    int error = check_clone(flags, tls);
    if (error)
        return error;
    struct process *child = process_create(parent->name);
    if (!child)
        return -ENOMEM;
    inherit(child, parent, flags, child_tid);
    error = copy_space(child, parent, flags);
    if (!error)
        error = copy_files(child, parent, flags);
    if (error)
        goto discard_process;
    struct thread *thread = create_thread(child, flags, stack, tls);
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
    if (flags & CLONE_PARENT_SETTID)
        store_thread_id(parent_tid, pid);
    thread_start(thread);
    if (flags & CLONE_VFORK)
        wait_for_vfork(parent, child);
    process_release(child);
    return pid;

discard_thread:
    process_release(child);
    thread_discard(thread);
discard_process:
    process_discard(child);
    return error;
}
