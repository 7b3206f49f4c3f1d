// Process objects: creation, references, what a process holds and how it gives that back.
// fork.c and start.c make processes, exit.c ends them, tree.c keeps them findable.
// Invariant: a process lives while it is in the tree (one reference), while one of its threads has
// not left its stack (one each), and while somebody holds it by process_find().

#include "proc/internal.h"

#include "abi/errno.h"
#include "cpu/percpu.h"
#include "debug/panic_report.h"
#include "lib/format.h"
#include "lib/panic.h"
#include "lib/protection.h"
#include "lib/string.h"
#include "mem/frame.h"
#include "mem/object_cache.h"
#include "mem/page_table.h"
#include "proc/futex.h"
#include "proc/signal_queue.h"

#define DEFAULT_UMASK 022u
#define DEFAULT_STACK_LIMIT (8ull << 20)
#define DEFAULT_DESCRIPTORS 1024u
// A small process takes some 200 KiB: half a machine full of them leaves it usable.
#define FRAMES_PER_PROCESS 128u
#define DEFAULT_PROCESSES_MINIMUM 128u
#define DEFAULT_PROCESSES_MAXIMUM 4096u
#define DEFAULT_LOCKED_BYTES (8ull << 20)
#define DEFAULT_QUEUED_SIGNALS 4096u
#define RLIMIT_MSGQUEUE 12
#define RLIMIT_NICE 13
#define RLIMIT_RTPRIO 14

static OBJECT_CACHE(process_cache, "process", struct process);

static struct address_space *lookup_current_space(void);
static size_t describe_current(char *buffer, size_t size);

void process_init(void)
{
    address_space_set_current_lookup(lookup_current_space);
    panic_set_describer(describe_current);
    process_table_init();
    thread_table_init();
    futex_init();
}

static struct address_space *lookup_current_space(void)
{
    struct thread *thread = current_thread();
    struct process *process = thread ? thread->owner : NULL;
    return process ? atomic_load_explicit(&process->space, memory_order_relaxed) : NULL;
}

static size_t describe_current(char *buffer, size_t size)
{
    const struct thread *thread = current_thread();
    if (!thread)
        return format_text(buffer, size, "no thread");
    const struct process *process = thread->owner;
    if (!process)
        return format_text(buffer, size, "kernel thread %u (%s)", thread->id, thread->name);
    return format_text(buffer, size, "process %u (%s), thread %u", process->pid, process->name,
                       thread->id);
}

static uint64_t default_process_limit(void)
{
    struct frame_counts frames;
    frames_count(&frames);
    return min_of(max_of(frames.total / FRAMES_PER_PROCESS, DEFAULT_PROCESSES_MINIMUM),
                  DEFAULT_PROCESSES_MAXIMUM);
}

void process_set_default_limits(struct process *process)
{
    uint64_t processes = default_process_limit();
    for (uint32_t i = 0; i < RLIMIT_COUNT; i++)
        process->limits[i] = (struct abi_rlimit){ RLIM_INFINITY, RLIM_INFINITY };
    process->limits[RLIMIT_STACK].current = DEFAULT_STACK_LIMIT;
    process->limits[RLIMIT_CORE].current = 0;
    process->limits[RLIMIT_NPROC] = (struct abi_rlimit){ processes, processes };
    process->limits[RLIMIT_NOFILE] = (struct abi_rlimit){ DEFAULT_DESCRIPTORS, FILE_TABLE_LIMIT };
    process->limits[RLIMIT_MEMLOCK] =
        (struct abi_rlimit){ DEFAULT_LOCKED_BYTES, DEFAULT_LOCKED_BYTES };
    process->limits[RLIMIT_SIGPENDING] =
        (struct abi_rlimit){ DEFAULT_QUEUED_SIGNALS, DEFAULT_QUEUED_SIGNALS };
    for (uint32_t i = RLIMIT_MSGQUEUE; i <= RLIMIT_RTPRIO; i++)
        process->limits[i] = (struct abi_rlimit){ 0, 0 };
}

struct process *process_create(const char *name)
{
    struct process *process = object_allocate(&process_cache);
    if (!process)
        return NULL;
    atomic_init(&process->references, 1);
    spinlock_init(&process->lock, "process", LOCK_RANK_PROCESS);
    list_init(&process->children);
    list_init(&process->sibling_link);
    list_init(&process->pid_link);
    list_init(&process->threads);
    wait_queue_init(&process->child_exit);
    wait_queue_init(&process->vfork_done);
    wait_queue_init(&process->continued);
    pending_init(&process->pending_signals);
    itimers_init(process);
    process->umask = DEFAULT_UMASK;
    process->exit_signal = SIGCHLD;
    string_copy(process->name, name, sizeof(process->name));
    return process;
}

void process_discard(struct process *process)
{
    process_release_files(process);
    struct address_space *space = atomic_exchange(&process->space, NULL);
    if (space)
        address_space_release(space);
    process_release(process);
}

void process_reference(struct process *process)
{
    atomic_fetch_add_explicit(&process->references, 1, memory_order_relaxed);
}

// Interrupts on, no spinlock held: a thread's reference goes after the switch that leaves its
// stack.
void process_release(struct process *process)
{
    uint32_t before = atomic_fetch_sub_explicit(&process->references, 1, memory_order_acq_rel);
    kassert(before != 0);
    if (before != 1)
        return;
    kassert(list_is_empty(&process->threads) && list_is_empty(&process->pid_link));
    kassert(process->queued_signals == 0);
    kassert(!process->files && !process->executable && !process->working_directory);
    object_release(&process_cache, process);
}

uint64_t processes_live(void)
{
    return object_cache_live(&process_cache);
}

// thread->on_release: on another thread's stack, with no lock held.
static void release_from_thread(struct thread *thread)
{
    struct process *process = thread->owner;
    thread->owner = NULL;
    process_release(process);
}

void process_attach_thread(struct process *process, struct thread *thread)
{
    process_reference(process);
    thread->owner = process;
    thread->on_release = release_from_thread;
    pending_init(&thread->signals.pending);
    list_append(&process->threads, &thread->owner_link);
    if (process->thread_count == 0)
        thread->identity.tid = process->pid;
    else
        file_table_reference(process->files); // each thread counts as a user
    process->thread_count++;
}

void process_release_files(struct process *process)
{
    process_lock(process);
    struct file_table *files = process->files;
    struct inode *directory = process->working_directory;
    struct inode *executable = process->executable;
    char *path = process->executable_path;
    process->files = NULL;
    process->working_directory = NULL;
    process->executable = NULL;
    process->executable_path = NULL;
    process_unlock(process);

    if (files)
        file_table_release(files);
    if (directory)
        inode_release(directory);
    if (executable) {
        atomic_fetch_sub(&executable->executing, 1);
        inode_release(executable);
    }
    memory_release(path);
}

void process_leave_space(struct process *process)
{
    process_lock(process);
    struct address_space *space = atomic_exchange(&process->space, NULL);
    process_unlock(process);
    thread_set_translation(current_thread(), NULL); // before the last reference can go
    if (space && PROTECT_EXIT_CLEAN)
        address_space_release(space);
}

struct inode *process_working_directory(struct process *process)
{
    process_lock(process);
    struct inode *directory = process->working_directory;
    inode_reference(directory);
    process_unlock(process);
    return directory;
}

void process_set_working_directory(struct process *process, struct inode *directory)
{
    process_lock(process);
    struct inode *old = process->working_directory;
    process->working_directory = directory;
    process_unlock(process);
    inode_release(old);
}

struct address_space *process_space_get(struct process *process)
{
    process_lock(process);
    struct address_space *space = atomic_load_explicit(&process->space, memory_order_relaxed);
    if (space)
        address_space_reference(space);
    process_unlock(process);
    return space;
}

void process_set_thread_name_locked(struct thread *thread, const char *name)
{
    struct process *process = thread->owner;
    memset(thread->name, 0, sizeof(thread->name));
    string_copy(thread->name, name, sizeof(thread->name));
    if (thread_is_first(thread))
        memcpy(process->name, thread->name, sizeof(process->name));
}

void process_set_thread_name(struct thread *thread, const char *name)
{
    struct process *process = thread->owner;
    process_lock(process);
    process_set_thread_name_locked(thread, name);
    process_unlock(process);
}

void process_copy_thread_name(char name[16])
{
    struct process *process = current_process();
    process_lock(process);
    memcpy(name, current_thread()->name, sizeof(process->name));
    process_unlock(process);
}

int process_limit(struct process *process, uint32_t resource, const struct abi_rlimit *new_limit,
                  struct abi_rlimit *old_limit)
{
    if (resource >= RLIMIT_COUNT)
        return -EINVAL;
    if (new_limit && new_limit->current > new_limit->maximum)
        return -EINVAL;
    if (new_limit && resource == RLIMIT_NOFILE && new_limit->maximum > FILE_TABLE_LIMIT)
        return -EPERM;
    process_lock(process);
    if (old_limit)
        *old_limit = process->limits[resource];
    if (new_limit)
        process->limits[resource] = *new_limit;
    process_unlock(process);
    return 0;
}

static void read_memory_limits(struct memory_limits *limits, void *context)
{
    struct process *process = context;
    process_lock(process);
    *limits = (struct memory_limits){ .memory = process->limits[RLIMIT_AS].current,
                                      .data = process->limits[RLIMIT_DATA].current,
                                      .stack = process->limits[RLIMIT_STACK].current };
    process_unlock(process);
}

void process_apply_memory_limits(struct process *process, struct address_space *space)
{
    address_space_set_limits(space, read_memory_limits, process);
}
