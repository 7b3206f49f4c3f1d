// Clocks and sleeping. The kernel clock counts nanoseconds from the kernel's start; wall-clock time
// is that plus the start's date.

#include "abi/errno.h"
#include "cpu/clock.h"
#include "sched/wait.h"
#include "syscall/arguments.h"
#include "syscall/linux.h"
#include "syscall/syscall.h"

#define NS_PER_SECOND 1000000000ull
#define FAR_FUTURE_NS (1ull << 60) // 36 years on; beyond, conversions to ticks could overflow

// Deadlines that no machine will see are none.
static uint64_t add_times(uint64_t a_ns, uint64_t b_ns)
{
    uint64_t sum;
    if (__builtin_add_overflow(a_ns, b_ns, &sum) || sum > FAR_FUTURE_NS)
        return WAIT_FOREVER;
    return sum;
}

static uint64_t boot_date_ns(void)
{
    return clock_boot_unix_seconds() * NS_PER_SECOND;
}

static uint64_t process_time_ns(void)
{
    uint64_t user_ns, system_ns;
    process_cpu_times(current_process(), &user_ns, &system_ns);
    return user_ns + system_ns;
}

// A negative clock names a process or thread, in all bits but three, and what is counted.
static int read_other_clock(int32_t clock, uint64_t *now_ns)
{
    uint32_t kind = (uint32_t)clock & CPU_CLOCK_KIND_MASK;
    if (kind == CPU_CLOCK_NONE)
        return -EINVAL;
    return process_cpu_clock((uint32_t) ~(clock >> CPU_CLOCK_SHIFT), clock & CPU_CLOCK_OF_THREAD,
                             kind, now_ns);
}

#define CLOCKS_OF_THE_DATE (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE)
#define CLOCKS_OF_TIME                                                                             \
    (CLOCKS_OF_THE_DATE | 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW |                      \
     1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME)

static bool is_in(uint32_t clocks, int32_t clock)
{
    return (uint32_t)clock < 32 && (clocks >> clock & 1) != 0;
}

// One of CLOCKS_OF_TIME.
static uint64_t read_time(int32_t clock)
{
    uint64_t now_ns = clock_now_ordered_ns();

    return is_in(CLOCKS_OF_THE_DATE, clock) ? boot_date_ns() + now_ns : now_ns;
}

never_inlined static int read_clock(int32_t clock, uint64_t *now_ns)
{
    if (is_in(CLOCKS_OF_TIME, clock)) {
        *now_ns = read_time(clock);
        return 0;
    }
    switch (clock) {
    case CLOCK_PROCESS_CPUTIME_ID:
        *now_ns = process_time_ns();
        return 0;
    case CLOCK_THREAD_CPUTIME_ID:
        *now_ns = thread_run_ns(current_thread());
        return 0;
    default:
        return clock < 0 ? read_other_clock(clock, now_ns) : -EINVAL;
    }
}

static struct abi_timespec to_timespec(uint64_t ns)
{
    return (struct abi_timespec){ .seconds = (int64_t)(ns / NS_PER_SECOND),
                                  .nanoseconds = (int64_t)(ns % NS_PER_SECOND) };
}

static int tell(uint64_t result, uint64_t now_ns)
{
    struct abi_timespec time = to_timespec(now_ns);
    return put_user(user_addr_make(result), time);
}

never_inlined static int tell_other_clock(int32_t clock, uint64_t result)
{
    uint64_t now_ns;
    int error = read_clock(clock, &now_ns);
    return error ? error : tell(result, now_ns);
}

HANDLER2(clock_gettime, clock, result)
{
    if (likely(is_in(CLOCKS_OF_TIME, (int32_t)clock)))
        return tell(result, read_time((int32_t)clock));
    return tell_other_clock((int32_t)clock, result);
}

HANDLER2(clock_getres, clock, result)
{
    uint64_t now_ns;
    struct abi_timespec resolution = { 0, 1 };
    int error = read_clock((int32_t)clock, &now_ns);
    if (error || !result)
        return error;
    return put_user(user_addr_make(result), resolution);
}

HANDLER2(gettimeofday, result, zone)
{
    uint64_t now_ns = boot_date_ns() + clock_now_ordered_ns();
    struct abi_timeval time = { .seconds = (int64_t)(now_ns / NS_PER_SECOND),
                                .microseconds = (int64_t)(now_ns % NS_PER_SECOND / 1000) };
    uint64_t utc = 0; // minutes west of Greenwich and summer-time rule, 4 bytes each
    if (result && put_user(user_addr_make(result), time) != 0)
        return -EFAULT;
    return zone ? put_user(user_addr_make(zone), utc) : 0;
}

HANDLER1(time, result)
{
    int64_t seconds = (int64_t)((boot_date_ns() + clock_now_ordered_ns()) / NS_PER_SECOND);
    if (result && put_user(user_addr_make(result), seconds) != 0)
        return -EFAULT;
    return seconds;
}

int timespec_take(uint64_t address, uint64_t *ns)
{
    struct abi_timespec time;
    if (get_user(time, user_addr_make(address)) != 0)
        return -EFAULT;
    if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= (int64_t)NS_PER_SECOND)
        return -EINVAL;
    uint64_t seconds_ns;
    if (__builtin_mul_overflow((uint64_t)time.seconds, NS_PER_SECOND, &seconds_ns))
        seconds_ns = WAIT_FOREVER;
    if (__builtin_add_overflow(seconds_ns, (uint64_t)time.nanoseconds, ns))
        *ns = WAIT_FOREVER;
    return 0;
}

uint64_t deadline_after(uint64_t duration_ns)
{
    return add_times(clock_now_ns(), duration_ns);
}

uint64_t realtime_to_deadline(uint64_t realtime_ns)
{
    uint64_t zero_ns = boot_date_ns();
    return realtime_ns > zero_ns ? add_times(realtime_ns - zero_ns, 0) : 0;
}

uint64_t time_until(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_now_ns();
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

// An interrupted sleep that is made again must not begin anew: the exit gate then repeats
// restart_syscall, which goes on to the same deadline.
never_inlined static int64_t prepare_restart(uint64_t deadline_ns, user_addr remaining)
{
    current_thread()->signals.sleep =
        (struct sleep_restart){ .deadline_ns = deadline_ns, .remaining = remaining };
    if (!user_addr_is_null(remaining)) {
        struct abi_timespec left = to_timespec(time_until(deadline_ns));
        if (put_user(remaining, left) != 0)
            return -EFAULT;
    }
    return -ERESTART_RESTARTBLOCK;
}

static int64_t sleep_restartably(uint64_t deadline_ns, user_addr remaining)
{
    return sleep_until(deadline_ns) == 0 ? 0 : prepare_restart(deadline_ns, remaining);
}

static int64_t sleep_for(uint64_t duration_ns, uint64_t remaining)
{
    return sleep_restartably(deadline_after(duration_ns), user_addr_make(remaining));
}

HANDLER2(nanosleep, request, remaining)
{
    uint64_t duration_ns;
    int error = timespec_take(request, &duration_ns);
    return error ? error : sleep_for(duration_ns, remaining);
}

static int check_sleep_clock(int32_t clock)
{
    uint64_t now_ns;
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return -EINVAL;
    if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME)
        return 0;
    int error = read_clock(clock, &now_ns);
    return error ? error : -EOPNOTSUPP;
}

HANDLER4(clock_nanosleep, clock, flags, request, remaining)
{
    uint64_t wanted_ns;
    int error = check_sleep_clock((int32_t)clock);
    if (!error)
        error = timespec_take(request, &wanted_ns);
    if (error)
        return error;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(wanted_ns, remaining);
    // Made again as it is when interrupted: the deadline does not move.
    if ((int32_t)clock == CLOCK_REALTIME)
        wanted_ns = realtime_to_deadline(wanted_ns);
    if (wanted_ns == 0 || sleep_until(add_times(wanted_ns, 0)) == 0)
        return 0;
    return -ERESTARTNOHAND;
}

HANDLER0(restart_syscall)
{
    struct sleep_restart sleep = current_thread()->signals.sleep;
    if (sleep.deadline_ns == 0)
        return -EINTR;
    current_thread()->signals.sleep = (struct sleep_restart){ 0 };
    if (!user_addr_is_null(sleep.futex))
        return futex_wait_restart(&sleep);
    if (sleep.polls)
        return poll_restart(&sleep);
    return sleep_restartably(sleep.deadline_ns, sleep.remaining);
}
