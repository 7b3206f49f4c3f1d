// poll and ppoll: looks at every file, then waits on all of their queues at once.
// Invariant: between wait_prepare() and wait_block() only poll operations run, which do not sleep;
// each file is kept by a reference while a waiter of ours is in its queue.

#include "abi/errno.h"
#include "mem/object_cache.h"
#include "sched/wait.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define NS_PER_MILLISECOND 1000000ull
#define NO_WAIT 0ull

struct poll_entry {
    struct file *file; // NULL: nothing to look at
    struct wait_queue *queue;
    struct waiter waiter;
};

struct poll_set {
    struct abi_pollfd *requests;
    struct poll_entry *entries;
    uint32_t count;
};

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
    return (int16_t)(events & ((uint16_t)request->events | POLLERR | POLLHUP));
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

static void prepare_all(struct poll_set *set, struct wait_queue *own, struct waiter *waiter)
{
    wait_prepare(own, waiter, WAIT_INTERRUPTIBLE);
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->entries[i].queue)
            wait_prepare(set->entries[i].queue, &set->entries[i].waiter, WAIT_INTERRUPTIBLE);
    }
}

static void finish_all(struct poll_set *set, struct wait_queue *own, struct waiter *waiter)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->entries[i].queue)
            wait_finish(set->entries[i].queue, &set->entries[i].waiter);
    }
    wait_finish(own, waiter);
}

static int64_t wait_for_events(struct poll_set *set, uint64_t deadline_ns)
{
    int64_t ready = look_at_all(set); // files also say here where to wait
    if (ready || deadline_ns == NO_WAIT)
        return ready;
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

static int load_set(struct poll_set *set, uint64_t requests)
{
    size_t size = set->count * sizeof(*set->requests);
    if (copy_from_user(set->requests, user_addr_make(requests), size) != 0)
        return -EFAULT;
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->requests[i].fd >= 0)
            set->entries[i].file = descriptor_open_file((uint64_t)set->requests[i].fd);
    }
    return 0;
}

static void release_set(struct poll_set *set)
{
    for (uint32_t i = 0; set->entries && i < set->count; i++) {
        if (set->entries[i].file)
            file_release(set->entries[i].file);
    }
    memory_release(set->entries);
    memory_release(set->requests);
}

// Only the results are written: the rest is the program's.
static int store_results(const struct poll_set *set, uint64_t requests)
{
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t address = requests + i * sizeof(struct abi_pollfd);
        address += offsetof(struct abi_pollfd, revents);
        if (put_user(user_addr_make(address), set->requests[i].revents) != 0)
            return -EFAULT;
    }
    return 0;
}

static int64_t poll_files(uint64_t requests, uint64_t count, uint64_t deadline_ns)
{
    if (count > descriptor_limit())
        return -EINVAL;
    struct poll_set set = { .count = (uint32_t)count };
    size_t room = max_of(count, (uint64_t)1);
    set.requests = memory_allocate(room * sizeof(*set.requests));
    set.entries = memory_allocate(room * sizeof(*set.entries));
    int64_t result = -ENOMEM;
    if (set.requests && set.entries)
        result = load_set(&set, requests);
    if (result == 0) {
        result = wait_for_events(&set, deadline_ns);
        if (result >= 0 && store_results(&set, requests) != 0)
            result = -EFAULT;
    }
    release_set(&set);
    return result;
}

HANDLER3(poll, requests, count, timeout_ms)
{
    int32_t timeout = (int32_t)timeout_ms;
    uint64_t deadline_ns = WAIT_FOREVER;
    if (timeout == 0)
        deadline_ns = NO_WAIT;
    else if (timeout > 0)
        deadline_ns = deadline_after((uint64_t)timeout * NS_PER_MILLISECOND);
    return poll_files(requests, count, deadline_ns);
}

HANDLER5(ppoll, requests, count, timeout, mask, mask_size)
{
    uint64_t duration_ns, deadline_ns = WAIT_FOREVER;
    if (timeout) {
        int error = timespec_take(timeout, &duration_ns);
        if (error)
            return error;
        deadline_ns = duration_ns ? deadline_after(duration_ns) : NO_WAIT;
    }
    if (mask) {
        int error = signal_mask_borrow(mask, mask_size);
        if (error)
            return error;
    }
    int64_t result = poll_files(requests, count, deadline_ns);
    if (mask && result != -ERESTARTNOHAND)
        signal_mask_give_back();
    if (timeout && deadline_ns != WAIT_FOREVER) {
        uint64_t left_ns = time_until(deadline_ns);
        struct abi_timespec left = { (int64_t)(left_ns / 1000000000),
                                     (int64_t)(left_ns % 1000000000) };
        if (put_user(user_addr_make(timeout), left) != 0)
            return result; // Linux does not report this either
    }
    return result;
}
