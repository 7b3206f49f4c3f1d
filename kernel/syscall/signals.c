// Signals: actions, masks, waiting, sending, alternate stacks, interval timers.

#include "abi/errno.h"
#include "abi/signal.h"
#include "proc/signal.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define SIGNAL_SET_SIZE 8u
#define NS_PER_MICROSECOND 1000ull
#define US_PER_SECOND 1000000ull
#define SECONDS_LIMIT (1ull << 30) // 34 years: no timer waits longer

static int take_set(uint64_t address, uint64_t size, uint64_t *set)
{
    if (size != SIGNAL_SET_SIZE)
        return -EINVAL;
    return get_user(*set, user_addr_make(address));
}

int signal_mask_borrow(uint64_t mask, uint64_t mask_size)
{
    uint64_t set;
    int error = take_set(mask, mask_size, &set);
    if (!error)
        signal_set_temporary_mask(set);
    return error;
}

void signal_mask_give_back(void)
{
    signal_restore_mask();
}

HANDLER4(rt_sigaction, signal, new_action, old_action, set_size)
{
    struct abi_sigaction new, old;
    if (set_size != SIGNAL_SET_SIZE)
        return -EINVAL;
    if (new_action && get_user(new, user_addr_make(new_action)) != 0)
        return -EFAULT;
    int error = signal_action((uint32_t)signal, new_action ? &new : NULL, old_action ? &old : NULL);
    if (error || !old_action)
        return error;
    return put_user(user_addr_make(old_action), old);
}

HANDLER4(rt_sigprocmask, how, new_set, old_set, set_size)
{
    uint64_t set, old = signal_mask();
    if (set_size != SIGNAL_SET_SIZE)
        return -EINVAL;
    if (new_set) {
        if (get_user(set, user_addr_make(new_set)) != 0)
            return -EFAULT;
        switch ((int32_t)how) {
        case SIG_BLOCK:
            signal_set_mask(old | set);
            break;
        case SIG_UNBLOCK:
            signal_set_mask(old & ~set);
            break;
        case SIG_SETMASK:
            signal_set_mask(set);
            break;
        default:
            return -EINVAL;
        }
    }
    return old_set ? put_user(user_addr_make(old_set), old) : 0;
}

HANDLER2(rt_sigpending, result, set_size)
{
    uint64_t pending = signal_pending();
    if (set_size > SIGNAL_SET_SIZE)
        return -EINVAL;
    return copy_to_user(user_addr_make(result), &pending, set_size);
}

HANDLER0(pause)
{
    return signal_wait_any();
}

HANDLER2(rt_sigsuspend, mask, mask_size)
{
    int error = signal_mask_borrow(mask, mask_size);
    return error ? error : signal_wait_any();
}

HANDLER4(rt_sigtimedwait, wanted, result, timeout, set_size)
{
    uint64_t set, duration_ns, deadline_ns = WAIT_FOREVER;
    struct abi_siginfo info;
    int error = take_set(wanted, set_size, &set);
    if (!error && timeout) {
        error = timespec_take(timeout, &duration_ns);
        if (!error)
            deadline_ns = deadline_after(duration_ns);
    }
    if (error)
        return error;
    int64_t signal = signal_wait_for(set, deadline_ns, &info);
    if (signal > 0 && result && put_user(user_addr_make(result), info) != 0)
        return -EFAULT;
    return signal;
}

HANDLER0(rt_sigreturn)
{
    signal_frame_return(thread_user_frame(current_thread()));
    thread_return_to_user();
}

HANDLER2(sigaltstack, new_stack, old_stack)
{
    struct abi_signal_stack new, old;
    if (new_stack && get_user(new, user_addr_make(new_stack)) != 0)
        return -EFAULT;
    uint64_t stack_pointer = thread_user_frame(current_thread())->rsp;
    int error = signal_stack(stack_pointer, new_stack ? &new : NULL, &old);
    if (error || !old_stack)
        return error;
    return put_user(user_addr_make(old_stack), old);
}

HANDLER2(kill, pid, signal)
{
    return signal_kill((int32_t)pid, (uint32_t)signal);
}

// `group` 0 stands for "any".
static int64_t signal_thread(int32_t group, int32_t thread, uint32_t signal)
{
    struct abi_siginfo info = { .signal = (int32_t)signal, .code = SI_TKILL };
    if (group < 0 || thread <= 0)
        return -EINVAL;
    info.sender.pid = current_process()->pid;
    return signal_send_thread((uint32_t)group, (uint32_t)thread, &info);
}

HANDLER2(tkill, thread, signal)
{
    return signal_thread(0, (int32_t)thread, (uint32_t)signal);
}

HANDLER3(tgkill, group, thread, signal)
{
    if ((int32_t)group == 0)
        return -EINVAL;
    return signal_thread((int32_t)group, (int32_t)thread, (uint32_t)signal);
}

// A thread may claim anything towards its own number; towards others (for Linux the rest of its
// process, too) not to be the kernel or kill.
static int take_info(struct abi_siginfo *info, int32_t target, uint32_t signal, uint64_t address)
{
    if (get_user(*info, user_addr_make(address)) != 0)
        return -EFAULT;
    bool is_foreign = (uint32_t)target != current_thread()->identity.tid;
    if (is_foreign && (info->code >= 0 || info->code == SI_TKILL))
        return -EPERM;
    info->signal = (int32_t)signal;
    return 0;
}

HANDLER3(rt_sigqueueinfo, pid, signal, address)
{
    struct abi_siginfo info;
    int error = take_info(&info, (int32_t)pid, (uint32_t)signal, address);
    if (error)
        return error;
    return (int32_t)pid > 0 ? signal_send_info((uint32_t)pid, &info) : -ESRCH;
}

HANDLER4(rt_tgsigqueueinfo, group, thread, signal, address)
{
    struct abi_siginfo info;
    int error = take_info(&info, (int32_t)thread, (uint32_t)signal, address);
    if (error != -EFAULT && ((int32_t)group <= 0 || (int32_t)thread <= 0))
        return -EINVAL;
    return error ? error : signal_send_thread((uint32_t)group, (uint32_t)thread, &info);
}

static int take_duration(int64_t seconds, int64_t microseconds, uint64_t *ns)
{
    if (seconds < 0 || microseconds < 0 || microseconds >= (int64_t)US_PER_SECOND)
        return -EINVAL;
    uint64_t limited = min_of((uint64_t)seconds, SECONDS_LIMIT);
    *ns = (limited * US_PER_SECOND + (uint64_t)microseconds) * NS_PER_MICROSECOND;
    return 0;
}

static struct abi_itimerval to_itimerval(uint64_t value_ns, uint64_t interval_ns)
{
    // What is left of a microsecond counts: a timer that runs must not seem to be off.
    uint64_t value_us = (value_ns + NS_PER_MICROSECOND - 1) / NS_PER_MICROSECOND;
    uint64_t interval_us = interval_ns / NS_PER_MICROSECOND;
    return (struct abi_itimerval){
        .interval = { (int64_t)(interval_us / US_PER_SECOND),
                      (int64_t)(interval_us % US_PER_SECOND) },
        .value = { (int64_t)(value_us / US_PER_SECOND), (int64_t)(value_us % US_PER_SECOND) },
    };
}

HANDLER3(setitimer, which, new_value, old_value)
{
    struct abi_itimerval new = { 0 }, old;
    uint64_t value_ns, interval_ns, old_value_ns, old_interval_ns;
    if (new_value && get_user(new, user_addr_make(new_value)) != 0)
        return -EFAULT;
    int error = take_duration(new.value.seconds, new.value.microseconds, &value_ns);
    if (!error)
        error = take_duration(new.interval.seconds, new.interval.microseconds, &interval_ns);
    if (!error)
        error = itimer_set((uint32_t)which, value_ns, interval_ns, &old_value_ns, &old_interval_ns);
    if (error || !old_value)
        return error;
    old = to_itimerval(old_value_ns, old_interval_ns);
    return put_user(user_addr_make(old_value), old);
}

HANDLER2(getitimer, which, result)
{
    uint64_t value_ns, interval_ns;
    int error = itimer_get((uint32_t)which, &value_ns, &interval_ns);
    if (error)
        return error;
    struct abi_itimerval value = to_itimerval(value_ns, interval_ns);
    return put_user(user_addr_make(result), value);
}

// Rounded to seconds, but never to 0 while it runs.
HANDLER1(alarm, seconds)
{
    uint64_t old_value_ns, old_interval_ns, value_ns = (uint32_t)seconds * 1000000000ull;
    int error = itimer_set(ITIMER_REAL, value_ns, 0, &old_value_ns, &old_interval_ns);
    if (error)
        return error;
    uint64_t rounded = (old_value_ns + 500000000) / 1000000000;
    return (int64_t)(old_value_ns && rounded == 0 ? 1 : rounded);
}
