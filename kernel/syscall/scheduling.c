// Priorities and policies, as programs ask for them. Every thread is root's, so whatever is valid
// is allowed; SCHED_DEADLINE is not there.

#include "abi/errno.h"
#include "abi/sched.h"
#include "lib/string.h"
#include "mem/page_table.h"
#include "proc/inspect.h"
#include "sched/weight.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"
#include "vm/user_copy.h"

#define NICE_ZERO 20 // getpriority answers with 20 - nice: 40 to 1
#define KEEP_POLICY (-1)
#define NS_PER_SECOND 1000000000ull

// What a call wants a thread's rights to be; applied with a spinlock held.
struct wanted_rights {
    int32_t policy; // KEEP_POLICY: as it is, and reset_on_fork too
    uint32_t priority;
    bool reset_on_fork;
    bool keep_parameters; // priority and nice as they are
    const int32_t *nice;  // NULL: as it is
};

HANDLER2(getpriority, which, who)
{
    int32_t nice;
    int error = process_nice_get((uint32_t)which, (uint32_t)who, &nice);
    return error ? error : NICE_ZERO - nice;
}

HANDLER3(setpriority, which, who, nice)
{
    return process_nice_set((uint32_t)which, (uint32_t)who, (int32_t)nice);
}

static bool is_realtime(int32_t policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_known(int32_t policy)
{
    return is_realtime(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

static int apply_wanted(struct thread_rights *rights, const void *argument)
{
    const struct wanted_rights *wanted = argument;
    bool keep = wanted->policy == KEEP_POLICY;
    int32_t policy = keep ? rights->policy : wanted->policy;
    uint32_t priority = wanted->keep_parameters ? rights->realtime_priority : wanted->priority;

    if (!is_known(policy) || priority > REALTIME_MAXIMUM || is_realtime(policy) != (priority != 0))
        return -EINVAL;
    rights->policy = (uint8_t)policy;
    rights->realtime_priority = (uint8_t)priority;
    if (!keep)
        rights->reset_on_fork = wanted->reset_on_fork;
    if (wanted->nice && !wanted->keep_parameters && !is_realtime(policy))
        rights->nice = (int8_t)max_of(min_of(*wanted->nice, NICE_MAXIMUM), NICE_MINIMUM);
    return 0;
}

// sched_setscheduler(), sched_setparam(). `policy` may carry SCHED_RESET_ON_FORK.
static int64_t set_scheduler(uint64_t tid, int32_t policy, uint64_t parameter)
{
    struct wanted_rights wanted = { .policy = policy };
    int32_t priority;

    if ((int32_t)tid < 0 || !parameter)
        return -EINVAL;
    if (get_user(priority, user_addr_make(parameter)) != 0)
        return -EFAULT;
    if (policy != KEEP_POLICY) {
        wanted.policy = policy & ~SCHED_RESET_ON_FORK;
        wanted.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
    }
    wanted.priority = (uint32_t)priority;
    return thread_rights_change((uint32_t)tid, apply_wanted, &wanted);
}

HANDLER3(sched_setscheduler, tid, policy, parameter)
{
    return (int32_t)policy < 0 ? -EINVAL : set_scheduler(tid, (int32_t)policy, parameter);
}

HANDLER2(sched_setparam, tid, parameter)
{
    return set_scheduler(tid, KEEP_POLICY, parameter);
}

// -EINVAL, -ESRCH. 0 is the caller's.
static int get_rights(uint64_t tid, struct thread_rights *rights)
{
    return (int32_t)tid < 0 ? -EINVAL : thread_rights_get((uint32_t)tid, rights);
}

HANDLER1(sched_getscheduler, tid)
{
    struct thread_rights rights;
    int error = get_rights(tid, &rights);
    return error ? error : rights.policy | (rights.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

HANDLER2(sched_getparam, tid, address)
{
    struct thread_rights rights;
    int error = address ? get_rights(tid, &rights) : -EINVAL;
    if (error)
        return error;
    int32_t priority = rights.realtime_priority;
    return put_user(user_addr_make(address), priority);
}

HANDLER2(sched_rr_get_interval, tid, address)
{
    struct thread_rights rights;
    int error = get_rights(tid, &rights);
    if (error)
        return error;
    uint64_t slice_ns = thread_slice_ns(&rights);
    struct abi_timespec interval = { (int64_t)(slice_ns / NS_PER_SECOND),
                                     (int64_t)(slice_ns % NS_PER_SECOND) };
    return put_user(user_addr_make(address), interval);
}

static int64_t priority_bound(uint64_t policy, int64_t realtime)
{
    if (is_realtime((int32_t)policy))
        return realtime;
    return is_known((int32_t)policy) || (int32_t)policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

HANDLER1(sched_get_priority_max, policy)
{
    return priority_bound(policy, REALTIME_MAXIMUM);
}

HANDLER1(sched_get_priority_min, policy)
{
    return priority_bound(policy, REALTIME_MINIMUM);
}

// What lies beyond the structure that is known here must be 0.
static int check_rest(uint64_t address, uint32_t size)
{
    uint64_t word;

    for (uint32_t at = sizeof(struct abi_sched_attributes); at < size; at += sizeof(word)) {
        word = 0;
        size_t length = min_of((size_t)(size - at), sizeof(word));
        if (copy_from_user(&word, user_addr_make(address + at), length) != 0)
            return -EFAULT;
        if (word != 0)
            return -E2BIG;
    }
    return 0;
}

static int copy_attributes(struct abi_sched_attributes *attributes, uint64_t address)
{
    uint32_t size, own_size = sizeof(*attributes);

    memset(attributes, 0, sizeof(*attributes));
    if (get_user(size, user_addr_make(address)) != 0)
        return -EFAULT;
    if (size == 0)
        size = SCHED_ATTRIBUTES_SIZE_0;
    int error = -E2BIG;
    if (size >= SCHED_ATTRIBUTES_SIZE_0 && size <= PAGE_SIZE)
        error = check_rest(address, size);
    // Who knows more, or nothing, is told what there is.
    if (error == -E2BIG && put_user(user_addr_make(address), own_size) != 0)
        return -EFAULT;
    if (error)
        return error;
    if (copy_from_user(attributes, user_addr_make(address), min_of(size, own_size)) != 0)
        return -EFAULT;
    return attributes->flags & SCHED_FLAG_UTIL_CLAMP && size < own_size ? -EINVAL : 0;
}

HANDLER3(sched_setattr, tid, address, flags)
{
    struct abi_sched_attributes attributes;

    if (!address || (int32_t)tid < 0 || (uint32_t)flags != 0)
        return -EINVAL;
    int error = copy_attributes(&attributes, address);
    if (error)
        return error;
    if ((int32_t)attributes.policy < 0)
        return -EINVAL;
    struct thread_rights rights;
    error = thread_rights_get((uint32_t)tid, &rights);
    if (error)
        return error;
    if (attributes.flags & ~(uint64_t)SCHED_FLAG_ALL)
        return -EINVAL;
    if (attributes.flags & SCHED_FLAG_UTIL_CLAMP)
        return -EOPNOTSUPP;
    const struct wanted_rights wanted = {
        .policy =
            attributes.flags & SCHED_FLAG_KEEP_POLICY ? KEEP_POLICY : (int32_t)attributes.policy,
        .priority = attributes.priority,
        .reset_on_fork = (attributes.flags & SCHED_FLAG_RESET_ON_FORK) != 0,
        .keep_parameters = (attributes.flags & SCHED_FLAG_KEEP_PARAMS) != 0,
        .nice = &attributes.nice,
    };
    return thread_rights_change((uint32_t)tid, apply_wanted, &wanted);
}

HANDLER4(sched_getattr, tid, address, size, flags)
{
    struct abi_sched_attributes attributes = { 0 };
    struct thread_rights rights;

    if (!address || (int32_t)tid < 0 || (uint32_t)size > PAGE_SIZE ||
        (uint32_t)size < SCHED_ATTRIBUTES_SIZE_0 || (uint32_t)flags != 0)
        return -EINVAL;
    int error = thread_rights_get((uint32_t)tid, &rights);
    if (error)
        return error;
    attributes.size = min_of((uint32_t)size, (uint32_t)sizeof(attributes));
    attributes.policy = rights.policy;
    attributes.flags = rights.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
    if (is_realtime(rights.policy))
        attributes.priority = rights.realtime_priority;
    else
        attributes.nice = (int32_t)rights.nice;
    return copy_to_user(user_addr_make(address), &attributes, attributes.size);
}
