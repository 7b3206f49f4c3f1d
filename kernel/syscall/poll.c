// poll and ppoll: their arrays come in, poll_set.c waits, the results go out.

#include "abi/errno.h"
#include "syscall/arguments.h"
#include "syscall/poll_set.h"
#include "syscall/syscall.h"

#define NS_PER_MILLISECOND 1000000ull

static int load_set(struct poll_set *set, uint64_t requests)
{
    size_t size = set->count * sizeof(*set->requests);
    if (copy_from_user(set->requests, user_addr_make(requests), size) != 0)
        return -EFAULT;
    for (uint32_t i = 0; i < set->count; i++) {
        set->entries[i].always = POLLERR | POLLHUP;
        if (set->requests[i].fd >= 0)
            set->entries[i].file = descriptor_open_file((uint64_t)set->requests[i].fd);
        poll_pass(i);
    }
    return 0;
}

// Only the results are written: the rest is the program's.
static int store_results(const struct poll_set *set, uint64_t requests)
{
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t address = requests + i * sizeof(struct abi_pollfd);
        address += offsetof(struct abi_pollfd, revents);
        if (put_user(user_addr_make(address), set->requests[i].revents) != 0)
            return -EFAULT;
        poll_pass(i);
    }
    return 0;
}

static int64_t poll_files(uint64_t requests, uint32_t count, uint64_t deadline_ns)
{
    if (count > descriptor_limit())
        return -EINVAL;
    struct poll_set set;
    int64_t result = poll_set_allocate(&set, count);
    if (result == 0)
        result = load_set(&set, requests);
    if (result == 0) {
        result = poll_set_wait(&set, deadline_ns);
        if (result >= 0 && store_results(&set, requests) != 0)
            result = -EFAULT;
    }
    poll_set_free(&set);
    return result;
}

// Made again, a poll with a deadline goes on to the same one, as a sleep does.
static int64_t poll_restartably(uint64_t requests, uint32_t count, uint64_t deadline_ns)
{
    int64_t result = poll_files(requests, count, deadline_ns);
    if (result != -ERESTARTNOHAND || deadline_ns == WAIT_FOREVER || deadline_ns == POLL_NO_WAIT)
        return result;
    current_thread()->signals.sleep = (struct sleep_restart){ .deadline_ns = deadline_ns,
                                                              .polls = true,
                                                              .requests = user_addr_make(requests),
                                                              .request_count = count };
    return -ERESTART_RESTARTBLOCK;
}

int64_t poll_restart(const struct sleep_restart *restart)
{
    return poll_restartably(user_addr_as_number(restart->requests), restart->request_count,
                            restart->deadline_ns);
}

HANDLER3(poll, requests, count, timeout_ms)
{
    int32_t timeout = (int32_t)timeout_ms;
    uint64_t deadline_ns = WAIT_FOREVER;
    if (timeout == 0)
        deadline_ns = POLL_NO_WAIT;
    else if (timeout > 0)
        deadline_ns = deadline_after((uint64_t)timeout * NS_PER_MILLISECOND);
    return poll_restartably(requests, (uint32_t)count, deadline_ns);
}

HANDLER5(ppoll, requests, count, timeout, mask, mask_size)
{
    uint64_t duration_ns, deadline_ns = WAIT_FOREVER;
    if (timeout) {
        int error = timespec_take(timeout, &duration_ns);
        if (error)
            return error;
        deadline_ns = duration_ns ? deadline_after(duration_ns) : POLL_NO_WAIT;
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
