// Rows of the calls that wait for time or for a word, and of a few that stand alone.
#include "failwalk.h"

#include <sys/time.h>
#include <time.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_PRIVATE_FLAG 128

static long short_time(unsigned place)
{
    struct timespec *time = (struct timespec *)scene.places[place];
    *time = (struct timespec){ 0, 1000000 };
    return (long)time;
}

static long tomorrow(unsigned place)
{
    struct itimerval *timer = (struct itimerval *)scene.places[place];
    *timer = (struct itimerval){ .it_value.tv_sec = 86400 };
    return (long)timer;
}

ACT(nanosleep_short, SYS_nanosleep, short_time(0), scene.places[1])
ACT(clock_nanosleep_short, SYS_clock_nanosleep, 1, 0, short_time(0), scene.places[1])
ACT(setitimer_far, SYS_setitimer, ITIMER_REAL, tomorrow(0), scene.places[1])
ACT(futex_wake, SYS_futex, scene.places[0], FUTEX_WAKE, 1)
ACT(futex_wait, SYS_futex, scene.places[0], FUTEX_WAIT, 0, short_time(1))
ACT(futex_private, SYS_futex, scene.places[0], FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, short_time(1))
ACT(futex_requeue, SYS_futex, scene.places[0], FUTEX_CMP_REQUEUE, 1, 1, scene.places[1], 0)
ACT(futex_wake_op, SYS_futex, scene.places[0], FUTEX_WAKE_OP, 1, 1, scene.places[1], 0)
ACT(getrandom_much, SYS_getrandom, scene.places[0], PAGE, 0)
ACT(syslog_all, SYS_syslog, 3, scene.places[0], PAGE)
ACT(reboot_wrong, SYS_reboot, 1, 2, 3, 0)
ACT(restart_syscall_alone, SYS_restart_syscall)
ACT(rseq_none, SYS_rseq, 0, 0, 0, 0)

const struct row wait_rows[] = {
    ROW(nanosleep, short, NULL),
    ROW(clock_nanosleep, short, NULL),
    ROW(setitimer, far, NULL),
    ROW(futex, wake, NULL),
    { "futex wait", SYS_futex, NULL, act_futex_wait, RETURNS, ETIMEDOUT },
    { "futex wait, private", SYS_futex, NULL, act_futex_private, RETURNS, ETIMEDOUT },
    ROW(futex, requeue, NULL),
    ROW(futex, wake_op, NULL),
    ROW(getrandom, much, NULL),
    ROW(syslog, all, NULL),
    { "reboot, wrong", SYS_reboot, NULL, act_reboot_wrong, RETURNS, EINVAL },
    { "restart_syscall", SYS_restart_syscall, NULL, act_restart_syscall_alone, RETURNS, EINTR },
    { "rseq", SYS_rseq, NULL, act_rseq_none, RETURNS, ENOSYS },
};
const size_t wait_row_count = COUNT_OF(wait_rows);
