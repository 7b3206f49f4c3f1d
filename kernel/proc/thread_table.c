// Numbers of threads. They come from the same space as pids; a process's first thread has the pid
// and is found through its process, the others are in the table here. Guarded by process_lock.
// Invariant: a thread with a number of its own is in the table exactly while it is in its process's
// list, so whoever finds it under the lock may use it under the lock.

#include "proc/internal.h"

#include "abi/errno.h"

#define THREAD_BUCKETS 128u

uint32_t thread_extra_count;

static struct list_node thread_table[THREAD_BUCKETS]; // heads set up at first use

static struct list_node *number_bucket(uint32_t number)
{
    struct list_node *head = &thread_table[number % THREAD_BUCKETS];
    if (!head->next)
        list_init(head);
    return head;
}

int thread_publish_locked(struct thread *thread)
{
    if (process_count + thread_extra_count >= PROCESS_LIMIT)
        return -EAGAIN;
    uint32_t number = process_number_allocate_locked();
    if (number == 0)
        return -EAGAIN;
    process_number_keep_locked(number);
    thread->identity.tid = number;
    list_append(number_bucket(number), &thread->identity.number_link);
    thread_extra_count++;
    return 0;
}

void thread_unpublish_locked(struct thread *thread)
{
    if (thread_is_first(thread))
        return;
    list_remove(&thread->identity.number_link);
    process_number_free_locked(thread->identity.tid);
    thread_extra_count--;
}

static struct thread *find_extra(uint32_t number)
{
    list_for_each (node, number_bucket(number)) {
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

struct thread *thread_find_locked(uint32_t number)
{
    const struct process *process = process_find_locked(number);
    return process ? process_first_thread_locked(process) : find_extra(number);
}

struct process *process_find_any_locked(uint32_t number)
{
    struct process *process = process_find_locked(number);
    if (process || thread_extra_count == 0)
        return process;
    const struct thread *thread = find_extra(number);
    return thread ? thread->owner : NULL;
}
