// Looks at many files, then waits on all of their queues at once. Called by poll and select.
// Invariants: each file is kept by a reference while a waiter of ours is in its queue; there is one
// in each queue, however often its file is named, so that no queue is longer than there are
// threads; every loop lets others run.
#include "syscall/poll_set.h"

#include "abi/errno.h"
#include "mem/object_cache.h"

#define HASH_FACTOR 0x9e3779b97f4a7c15ull // 2^64 divided by the golden ratio

int poll_set_allocate(struct poll_set *set, uint32_t count)
{
    size_t room = max_of(count, 1u);
    *set = (struct poll_set){ .count = count };
    set->requests = memory_allocate(room * sizeof(*set->requests));
    set->entries = memory_allocate(room * sizeof(*set->entries));
    preempt_point(); // to clear that much takes long
    return set->requests && set->entries ? 0 : -ENOMEM;
}

void poll_set_free(struct poll_set *set)
{
    for (uint32_t i = 0; set->entries && i < set->count; i++) {
        if (set->entries[i].file)
            file_release(set->entries[i].file);
        poll_pass(i);
    }
    memory_release(set->entries);
    memory_release(set->requests);
}

static int16_t look_at_file(const struct abi_pollfd *request, const struct poll_entry *entry,
                            struct wait_queue **queue)
{
    const struct file_operations *operations = entry->file->operations;
    uint32_t events = POLLIN | POLLOUT;
    if (operations->poll)
        events = operations->poll(entry->file, queue);
    if (events & POLLIN)
        events |= POLLRDNORM;
    if (events & POLLOUT)
        events |= POLLWRNORM;
    return (int16_t)(events & ((uint16_t)request->events | entry->always));
}

// Fills in what holds now, and at first where to wait; the number of files with something to tell.
static int64_t look_at_all(struct poll_set *set, bool is_first)
{
    int64_t ready = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        struct abi_pollfd *request = &set->requests[i];
        struct poll_entry *entry = &set->entries[i];
        if (entry->file)
            request->revents = look_at_file(request, entry, is_first ? &entry->queue : NULL);
        else
            request->revents = request->fd < 0 ? 0 : POLLNVAL;
        ready += request->revents != 0;
        poll_pass(i);
    }
    return ready;
}

// The first of those that share the hash; each entry has room for that of one hash.
static uint32_t *chain_of(struct poll_set *set, const struct wait_queue *queue)
{
    uint64_t hash = (uintptr_t)queue * HASH_FACTOR >> 32;
    return &set->entries[hash * set->count >> 32].chain;
}

static bool is_new_queue(struct poll_set *set, uint32_t number)
{
    struct poll_entry *entry = &set->entries[number];
    uint32_t *link = chain_of(set, entry->queue);
    while (*link) {
        struct poll_entry *other = &set->entries[*link - 1];
        if (other->queue == entry->queue)
            return false;
        link = &other->next;
    }
    *link = number + 1;
    return true;
}

// Who names a queue that another has named does not wait there.
static void drop_repeated(struct poll_set *set)
{
    for (uint32_t i = 0; set->count > 1 && i < set->count; i++) {
        if (set->entries[i].queue && !is_new_queue(set, i))
            set->entries[i].queue = NULL;
        poll_pass(i);
    }
}

static void enter_all(struct poll_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->entries[i].queue)
            wait_enter(set->entries[i].queue, &set->entries[i].waiter);
        poll_pass(i);
    }
}

static void leave_all(struct poll_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->entries[i].queue)
            wait_finish(set->entries[i].queue, &set->entries[i].waiter);
        poll_pass(i);
    }
}

// A file that changes all the time, whether it concerns us or not, wakes us before we sleep: that
// is another turn, and each turn minds signals and the deadline.
int64_t poll_set_wait(struct poll_set *set, uint64_t deadline_ns)
{
    int64_t ready = look_at_all(set, true);
    if (ready)
        return ready;
    // Signals that ppoll's mask lets in come also without a wait; if none is acted upon in the end,
    // the call is made again.
    if (deadline_ns == POLL_NO_WAIT)
        return thread_has_work(current_thread()) ? -ERESTARTNOHAND : 0;
    int result = 0;
    drop_repeated(set);
    while (result == 0) {
        wait_many_begin();
        enter_all(set);
        ready = look_at_all(set, false);
        if (ready)
            break;
        result = wait_many_block(deadline_ns);
        preempt_point();
    }
    if (result == -ETIMEDOUT)
        ready = look_at_all(set, false); // what came together with the deadline counts
    leave_all(set);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : ready;
}
