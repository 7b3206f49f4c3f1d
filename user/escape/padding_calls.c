// The structures that the kernel copies out, each by a call that fills it, with its fields;
// padding.c compares.
#include "padding.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FIELD(type, member)                                                                        \
    {                                                                                              \
        offsetof(type, member), sizeof(((type *)NULL)->member)                                     \
    }

static long answer(long value)
{
    return value < 0 ? -errno : value;
}

static long call_stat(void *buffer)
{
    return answer(syscall(SYS_stat, "/tmp", buffer));
}

static long call_fstat(void *buffer)
{
    return answer(syscall(SYS_fstat, 1, buffer));
}

static long call_statx(void *buffer)
{
    return answer(syscall(SYS_statx, AT_FDCWD, "/tmp", 0, 0x7ff, buffer));
}

static long call_statfs(void *buffer)
{
    return answer(syscall(SYS_statfs, "/tmp", buffer));
}

static long call_uname(void *buffer)
{
    return answer(syscall(SYS_uname, buffer));
}

static long call_sysinfo(void *buffer)
{
    return answer(syscall(SYS_sysinfo, buffer));
}

static long call_getrusage(void *buffer)
{
    return answer(syscall(SYS_getrusage, RUSAGE_SELF, buffer));
}

static int end_at_once(void *unused)
{
    return 0;
}

static long call_wait4(void *buffer)
{
    return answer(syscall(SYS_wait4, child_start(end_at_once, NULL), NULL, 0, buffer));
}

static long call_waitid(void *buffer)
{
    return answer(
        syscall(SYS_waitid, P_PID, child_start(end_at_once, NULL), buffer, WEXITED, NULL));
}

static long call_times(void *buffer)
{
    return answer(syscall(SYS_times, buffer));
}

static long call_clock_gettime(void *buffer)
{
    return answer(syscall(SYS_clock_gettime, CLOCK_REALTIME, buffer));
}

static long call_gettimeofday(void *buffer)
{
    return answer(syscall(SYS_gettimeofday, buffer, NULL));
}

static long call_getitimer(void *buffer)
{
    return answer(syscall(SYS_getitimer, 0, buffer));
}

static long call_prlimit(void *buffer)
{
    return answer(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, buffer));
}

static long call_sigaction(void *buffer)
{
    return answer(syscall(SYS_rt_sigaction, SIGUSR2, NULL, buffer, 8));
}

static long call_sigaltstack(void *buffer)
{
    return answer(syscall(SYS_sigaltstack, NULL, buffer));
}

static long call_sched_getattr(void *buffer)
{
    return answer(syscall(SYS_sched_getattr, 0, buffer, 56, 0));
}

static long call_sched_getparam(void *buffer)
{
    return answer(syscall(SYS_sched_getparam, 0, buffer));
}

static long call_getaffinity(void *buffer)
{
    long length = answer(syscall(SYS_sched_getaffinity, 0, 1024, buffer));
    return length > 128 ? -E2BIG : length;
}

static long call_getresuid(void *buffer)
{
    char *ids = buffer;
    return answer(syscall(SYS_getresuid, ids, ids + 4, ids + 8));
}

static long call_pipe2(void *buffer)
{
    return answer(syscall(SYS_pipe2, buffer, O_CLOEXEC));
}

static long call_on_terminal(unsigned long request, void *buffer)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    long result = fd < 0 ? -ENOSYS : answer(syscall(SYS_ioctl, fd, request, buffer));
    close(fd);
    return result == -ENOTTY || result == -EIO ? -ENOSYS : result;
}

static long call_termios(void *buffer)
{
    return call_on_terminal(TCGETS, buffer);
}

static long call_winsize(void *buffer)
{
    return call_on_terminal(TIOCGWINSZ, buffer);
}

static long call_sigtimedwait(void *buffer)
{
    const uint64_t set = 1ul << (SIGUSR1 - 1);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    kill(getpid(), SIGUSR1);
    return answer(syscall(SYS_rt_sigtimedwait, &set, buffer, NULL, 8));
}

static long call_epoll_wait(void *buffer)
{
    struct epoll_event event = { .events = EPOLLOUT };
    int ends[2], fd = (int)syscall(SYS_epoll_create1, 0);
    if (fd < 0)
        return -errno;
    event.data.u64 = 0x1122334455667788;
    if (pipe(ends) != 0 || epoll_ctl(fd, EPOLL_CTL_ADD, ends[1], &event) != 0)
        return -errno;
    return answer(syscall(SYS_epoll_wait, fd, buffer, 8, 0));
}

static long call_get_robust_list(void *buffer)
{
    char *words = buffer;
    return answer(syscall(SYS_get_robust_list, 0, words, words + 8));
}

static long call_getcpu(void *buffer)
{
    char *words = buffer;
    return answer(syscall(SYS_getcpu, words, words + 4, NULL));
}

#define COPIED(label, function, length, ...)                                                       \
    {                                                                                              \
        .name = label, .run = run_copied, .must = HARMLESS, .argument = &(const struct copied)     \
        {                                                                                          \
            function, length,                                                                      \
            {                                                                                      \
                __VA_ARGS__                                                                        \
            }                                                                                      \
        }                                                                                          \
    }
#define STAT_FIELDS                                                                                \
    FIELD(struct stat, st_dev), FIELD(struct stat, st_ino), FIELD(struct stat, st_nlink),          \
        FIELD(struct stat, st_mode), FIELD(struct stat, st_uid), FIELD(struct stat, st_gid),       \
        FIELD(struct stat, st_rdev), FIELD(struct stat, st_size), FIELD(struct stat, st_blksize),  \
        FIELD(struct stat, st_blocks), FIELD(struct stat, st_atim), FIELD(struct stat, st_mtim),   \
        FIELD(struct stat, st_ctim)
#define STATFS_FIELDS                                                                              \
    FIELD(struct statfs, f_type), FIELD(struct statfs, f_bsize), FIELD(struct statfs, f_blocks),   \
        FIELD(struct statfs, f_bfree), FIELD(struct statfs, f_bavail),                             \
        FIELD(struct statfs, f_files), FIELD(struct statfs, f_ffree),                              \
        FIELD(struct statfs, f_fsid), FIELD(struct statfs, f_namelen),                             \
        FIELD(struct statfs, f_frsize), FIELD(struct statfs, f_flags)
#define SYSINFO_FIELDS                                                                             \
    FIELD(struct sysinfo, uptime), FIELD(struct sysinfo, loads), FIELD(struct sysinfo, totalram),  \
        FIELD(struct sysinfo, freeram), FIELD(struct sysinfo, sharedram),                          \
        FIELD(struct sysinfo, bufferram), FIELD(struct sysinfo, totalswap),                        \
        FIELD(struct sysinfo, freeswap), FIELD(struct sysinfo, procs),                             \
        FIELD(struct sysinfo, totalhigh), FIELD(struct sysinfo, freehigh),                         \
        FIELD(struct sysinfo, mem_unit)
#define STACK_FIELDS FIELD(stack_t, ss_sp), FIELD(stack_t, ss_flags), FIELD(stack_t, ss_size)

// Offsets of struct statx and of siginfo as the kernel's interface has them (linux/stat.h,
// asm-generic/siginfo.h).
static const struct attempt attempts[] = {
    COPIED("stat", call_stat, 144, STAT_FIELDS),
    COPIED("fstat", call_fstat, 144, STAT_FIELDS),
    COPIED("statx", call_statx, 256, { 0, 30 }, { 32, 40 }, { 80, 12 }, { 64, 12 }, { 96, 12 },
           { 112, 12 }, { 128, 32 }, { 160, 24 }),
    COPIED("statfs", call_statfs, 120, STATFS_FIELDS),
    COPIED("uname", call_uname, 390),
    COPIED("sysinfo", call_sysinfo, 112, SYSINFO_FIELDS),
    COPIED("rusage", call_getrusage, 144),
    COPIED("wait4-rusage", call_wait4, 144),
    COPIED("waitid-siginfo", call_waitid, 128, { 0, 12 }, { 16, 12 }),
    COPIED("sigtimedwait-siginfo", call_sigtimedwait, 128, { 0, 12 }, { 16, 8 }),
    COPIED("times", call_times, 32),
    COPIED("timespec", call_clock_gettime, 16),
    COPIED("timeval", call_gettimeofday, 16),
    COPIED("itimerval", call_getitimer, 32),
    COPIED("rlimit", call_prlimit, 16),
    COPIED("sigaction", call_sigaction, 32),
    COPIED("sigaltstack", call_sigaltstack, 24, STACK_FIELDS),
    COPIED("sched-attr", call_sched_getattr, 56),
    COPIED("sched-param", call_sched_getparam, 4),
    COPIED("affinity", call_getaffinity, 128),
    COPIED("ids", call_getresuid, 12),
    COPIED("pipe", call_pipe2, 8),
    COPIED("termios", call_termios, 36),
    COPIED("winsize", call_winsize, 8),
    COPIED("epoll-event", call_epoll_wait, 12),
    COPIED("robust-list", call_get_robust_list, 16),
    COPIED("getcpu", call_getcpu, 8),
    { .name = "dirents", .run = run_dirents, .must = HARMLESS },
    { .name = "signal-frame", .run = run_signal_frame, .must = HARMLESS },
};
GROUP(padding, "structures copied out tell nothing else", attempts);
