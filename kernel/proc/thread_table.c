// Numbers of threads. They come from the same space as pids; a process's first thread has the pid
// and is found through its process, the others are in the table here.
// Invariant: a thread with a number of its own is in the table exactly while it is in its process's
// list; both change with the process's lock held. So whoever finds it under that lock may use it as
// long, and who finds it under a bucket's finds its process alive.

#include "proc/internal.h"

#include "abi/errno.h"

#define THREAD_BUCKETS 128u

struct bucket {
    struct spinlock lock;
    struct list_node threads; // by number_link
};

static struct bucket buckets[THREAD_BUCKETS];
static atomic_uint thread_count;

void thread_table_init(void)
{
    for (uint32_t i = 0; i < THREAD_BUCKETS; i++) {
        spinlock_init(&buckets[i].lock, "thread table", LOCK_RANK_PROCESS_TABLE);
        list_init(&buckets[i].threads);
    }
}

static struct bucket *bucket_of(uint32_t number)
{
    return &buckets[number % THREAD_BUCKETS];
}

uint32_t threads_beyond_first(void)
{
    return atomic_load_explicit(&thread_count, memory_order_relaxed);
}

int thread_publish_locked(struct thread *thread, struct process *process)
{
    uint32_t count = atomic_fetch_add_explicit(&thread_count, 1, memory_order_relaxed);
    uint32_t number = count + processes_in_tree() < PROCESS_LIMIT ? process_number_allocate() : 0;
    if (number == 0) {
        atomic_fetch_sub_explicit(&thread_count, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    thread->identity.tid = number;
    process_attach_thread(process, thread);
    spinlock_acquire(&bucket_of(number)->lock);
    list_append(&bucket_of(number)->threads, &thread->identity.number_link);
    spinlock_release(&bucket_of(number)->lock);
    return 0;
}

void thread_unpublish_locked(struct thread *thread)
{
    uint32_t number = thread->identity.tid;
    if (thread_is_first(thread))
        return;
    spinlock_acquire(&bucket_of(number)->lock);
    list_remove(&thread->identity.number_link);
    spinlock_release(&bucket_of(number)->lock);
    process_number_free(number);
    atomic_fetch_sub_explicit(&thread_count, 1, memory_order_relaxed);
}

static struct thread *find_in(struct bucket *bucket, uint32_t number)
{
    list_for_each (node, &bucket->threads) {
        struct thread *thread = list_entry(node, struct thread, identity.number_link);
        if (thread->identity.tid == number)
            return thread;
    }
    return NULL;
}

// It is at the head of the list: it was there before all others.
struct thread *process_first_thread_locked(const struct process *process)
{
    if (list_is_empty(&process->threads))
        return NULL;
    struct thread *thread = list_first(&process->threads, struct thread, owner_link);
    return thread->identity.tid == process->pid ? thread : NULL;
}

struct thread *thread_find_locked(const struct process *process, uint32_t number)
{
    struct bucket *bucket = bucket_of(number);
    if (number == process->pid)
        return process_first_thread_locked(process);
    spinlock_acquire(&bucket->lock);
    struct thread *thread = find_in(bucket, number);
    if (thread && thread->owner != process)
        thread = NULL;
    spinlock_release(&bucket->lock);
    return thread;
}

struct process *process_find_by_thread(uint32_t number)
{
    struct bucket *bucket = bucket_of(number);
    if (threads_beyond_first() == 0)
        return NULL;
    spinlock_acquire(&bucket->lock);
    const struct thread *thread = find_in(bucket, number);
    struct process *process = thread ? thread->owner : NULL;
    if (process)
        process_reference(process);
    spinlock_release(&bucket->lock);
    return process;
}
