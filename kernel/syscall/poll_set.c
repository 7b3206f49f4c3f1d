// Looks at many files, then waits on all of their queues at once. Called by poll and select.
// Invariant: between wait_prepare() and wait_block() only poll operations run, which do not sleep;
// each file is kept by a reference while a waiter of ours is in its queue.
#include "syscall/poll_set.h"

#include "abi/errno.h"
#include "mem/object_cache.h"

int poll_set_allocate(struct poll_set *set, uint32_t count)
{
    size_t room = max_of(count, 1u);
    *set = (struct poll_set){ .count = count };
    set->requests = memory_allocate(room * sizeof(*set->requests));
    set->entries = memory_allocate(room * sizeof(*set->entries));
    return set->requests && set->entries ? 0 : -ENOMEM;
}

void poll_set_free(struct poll_set *set)
{
    for (uint32_t i = 0; set->entries && i < set->count; i++) {
        if (set->entries[i].file)
            file_release(set->entries[i].file);
    }
    memory_release(set->entries);
    memory_release(set->requests);
}

static int16_t look_at_file(const struct abi_pollfd *request, struct poll_entry *entry)
{
    const struct file_operations *operations = entry->file->operations;
    uint32_t events = POLLIN | POLLOUT;
    if (operations->poll)
        events = operations->poll(entry->file, &entry->queue);
    if (events & POLLIN)
        events |= POLLRDNORM;
    if (events & POLLOUT)
        events |= POLLWRNORM;
    return (int16_t)(events & ((uint16_t)request->events | entry->always));
}

// Fills in what holds now; the number of files with something to tell.
static int64_t look_at_all(struct poll_set *set)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct abi_pollfd *request = &set->requests[i];
        struct poll_entry *entry = &set->entries[i];
        if (entry->file)
            request->revents = look_at_file(request, entry);
        else
            request->revents = request->fd < 0 ? 0 : POLLNVAL;
        ready += request->revents != 0;
    }
    return ready;
}

// A wake-up takes its waiter out of its queue; one that came before the last queue was prepared is
// overwritten by that, and the queue would not tell again.
static bool is_in_all(struct poll_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct poll_entry *entry = &set->entries[i];
        if (entry->queue && !wait_is_queued(entry->queue, &entry->waiter))
            return false;
    }
    return true;
}

static void prepare_all(struct poll_set *set, struct wait_queue *own, struct waiter *waiter)
{
    do {
        wait_prepare(own, waiter, WAIT_INTERRUPTIBLE);
        for (uint32_t i = 0; i < set->count; i++) {
            if (set->entries[i].queue)
                wait_prepare(set->entries[i].queue, &set->entries[i].waiter, WAIT_INTERRUPTIBLE);
        }
    } while (!is_in_all(set));
}

static void finish_all(struct poll_set *set, struct wait_queue *own, struct waiter *waiter)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->entries[i].queue)
            wait_finish(set->entries[i].queue, &set->entries[i].waiter);
    }
    wait_finish(own, waiter);
}

int64_t poll_set_wait(struct poll_set *set, uint64_t deadline_ns)
{
    int64_t ready = look_at_all(set); // files also say here where to wait
    if (ready)
        return ready;
    // Signals that ppoll's mask lets in come also without a wait; if none is acted upon in the end,
    // the call is made again.
    if (deadline_ns == POLL_NO_WAIT)
        return thread_has_work(current_thread()) ? -ERESTARTNOHAND : 0;
    struct wait_queue own; // so that there is a queue also when no file has one
    struct waiter waiter = { 0 };
    int result = 0;
    wait_queue_init(&own);
    while (result == 0) {
        prepare_all(set, &own, &waiter);
        ready = look_at_all(set);
        if (ready)
            break;
        result = wait_block(deadline_ns);
    }
    if (result == -ETIMEDOUT)
        ready = look_at_all(set); // what came together with the deadline counts
    finish_all(set, &own, &waiter);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : ready;
}
