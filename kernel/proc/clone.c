// clone and its kin: which combinations of flags there are, and a new thread, in a new process
// (fork.c goes on with that) or in this one. Called by the system-call layer.
// Invariant: a thread is in its process's list, and has its number, before it can run; it does so
// under the lock, unless the process is ending or executing another program.

#include "proc/internal.h"
#include "proc/signal.h"

#include "abi/errno.h"
#include "cpu/clock.h"
#include "cpu/upcalls.h"
#include "debug/trace.h"
#include "lib/protection.h"
#include "vm/user_copy.h"

// A thread shares all of this: a process has one of each.
#define CLONE_OF_THREAD                                                                            \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE_OF_PROCESS                                                                           \
    (CLONE_VM | CLONE_FILES | CLONE_VFORK | CLONE_SYSVSEM | CLONE_CLEAR_SIGHAND)
#define CLONE_OF_BOTH                                                                              \
    (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED |                  \
     CLONE_CHILD_SETTID | CLONE_UNTRACED)

void process_store_tid(user_addr address, uint32_t tid)
{
    if (put_user(address, tid) != 0)
        return;
}

// The new thread's first code, on its own kernel stack, in its own address space.
static void start_thread(void *argument)
{
    const struct thread_identity *identity = &current_thread()->identity;
    if (!user_addr_is_null(identity->set_child_tid))
        process_store_tid(identity->set_child_tid, identity->tid);
    thread_return_to_user();
}

struct thread *process_thread_create(struct process *process, const struct clone_request *request)
{
    struct thread *self = current_thread();
    struct thread *thread = thread_create(self->name, start_thread, NULL, true);
    if (!thread)
        return NULL;
    struct trap_frame *frame = thread_user_frame(thread);
    *frame = *thread_user_frame(self);
    frame->rax = 0;
    if (request->stack)
        frame->rsp = request->stack;
    thread_copy_user_registers(thread);
    if (request->flags & CLONE_SETTLS)
        thread->fs_base = request->tls; // the thread is NEW: nothing reads it yet
    thread_inherit_rights(thread, self);
    if (request->flags & CLONE_CHILD_SETTID)
        thread->identity.set_child_tid = request->child_tid;
    if (request->flags & CLONE_CHILD_CLEARTID)
        thread->identity.clear_child_tid = request->child_tid;
    signal_inherit_mask(thread, request->flags);
    thread_set_translation(thread, &atomic_load(&process->space)->translation);
    return thread;
}

// A signal of the process may be another thread's to take, so far.
bool process_is_interrupted_locked(const struct process *process, struct thread *thread)
{
    bool interrupted =
        process->exiting || process->exec_thread || signal_deliverable_locked(process, thread) != 0;
    if (unlikely(interrupted))
        thread_add_work(thread, THREAD_WORK_SIGNAL);
    return interrupted;
}

bool process_may_grow_locked(const struct process *process)
{
    uint64_t limit = PROTECT_LIMITS ? process->limits[RLIMIT_NPROC].current : RLIM_INFINITY;
    return !process_shutting_down && processes_in_tree() + threads_beyond_first() < limit;
}

// What is due for the process is due for the new thread too: it looks at its first exit.
static int publish_thread(struct process *process, struct thread *thread)
{
    int error = -EAGAIN;
    process_lock(process);
    if (process_is_interrupted_locked(process, current_thread()))
        error = -ERESTARTNOINTR;
    else if (process_may_grow_locked(process))
        error = thread_publish_locked(thread, process);
    if (!error)
        itimers_thread_added_locked(process);
    if (!error && (process->stopped || process->pending_signals.set))
        atomic_fetch_or(&thread->work, THREAD_WORK_SIGNAL);
    process_unlock(process);
    return error;
}

static int64_t clone_thread(const struct clone_request *request)
{
    struct process *process = current_process();
    struct thread *thread = process_thread_create(process, request);
    if (!thread)
        return -ENOMEM;
    thread->identity.start_ns = clock_now_ns();
    int error = publish_thread(process, thread);
    if (error) {
        thread_discard(thread);
        return error;
    }
    uint32_t tid = thread->identity.tid; // the thread may be gone before this function ends
    if (unlikely(trace_enabled))
        trace_name(thread->id, process->pid, thread->name);
    if (request->flags & CLONE_PARENT_SETTID)
        process_store_tid(request->parent_tid, tid);
    thread_start(thread);
    return tid;
}

// Not there: a working directory or signal actions that two processes share, a thread that has its
// own, what concerns ptrace, namespaces and pidfds.
static int check_flags(const struct clone_request *request)
{
    uint64_t flags = request->flags;
    if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
        return -EINVAL;
    if (flags & CLONE_SIGHAND && !(flags & CLONE_VM))
        return -EINVAL;
    if (request->exit_signal > SIGNAL_LIMIT)
        return -EINVAL;
    if (flags & CLONE_THREAD) {
        const uint64_t needed = CLONE_OF_THREAD & ~CLONE_SYSVSEM;
        if ((flags & needed) != needed || flags & ~(CLONE_OF_THREAD | CLONE_OF_BOTH))
            return -EINVAL;
    } else if (flags & ~(CLONE_OF_PROCESS | CLONE_OF_BOTH)) {
        return -EINVAL;
    }
    // A base beyond user addresses would be loaded into FS on the way out, and fault there.
    if (flags & CLONE_SETTLS && request->tls >= USER_ADDRESS_LIMIT)
        return -EPERM;
    return 0;
}

int64_t process_clone(const struct clone_request *request)
{
    int error = check_flags(request);
    if (error)
        return error;
    return request->flags & CLONE_THREAD ? clone_thread(request) : process_fork(request);
}
