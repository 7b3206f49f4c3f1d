// Which calls there are, from include/syscalls.def, and what their arguments must be for a call to
// succeed, where the argument's type does not say it.
#include "callfuzz.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SYSCALL(number, name, ...) { number, #name, { __VA_ARGS__ } },
const struct call calls[] = {
#include "syscalls.def"
};
#undef SYSCALL
const size_t call_count = COUNT_OF(calls);
_Static_assert(COUNT_OF(calls) <= CALL_LIMIT, "the tallies have room");

#define USE(call, argument, kind)                                                                  \
    {                                                                                              \
        SYS_##call, argument, kind, 0,                                                             \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define WORDS(...)                                                                                 \
    (uint8_t)(sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t)),                             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
// clang-format off
#define ONE(call, argument, ...) { SYS_##call, argument, ONE_OF, WORDS(__VA_ARGS__) }
#define BITS(call, argument, ...) { SYS_##call, argument, BITS_OF, WORDS(__VA_ARGS__) }
#define SET_SIZE 8
#define HERE ((uint64_t)AT_FDCWD)

static const struct refinement refinements[] = {
    ONE(read, 0, 3, 4, 5, 9, 12, 13), ONE(pread64, 0, 3, 9, 12), ONE(readv, 0, 3, 5, 9, 12),
    ONE(preadv, 0, 3, 9, 12), ONE(write, 0, 1, 3, 4, 6, 9), ONE(pwrite64, 0, 3, 3, 9),
    ONE(writev, 0, 1, 3, 4, 6), ONE(pwritev, 0, 3, 3, 9), ONE(lseek, 0, 3, 4, 12),
    ONE(lseek, 2, 0, 1, 2, 3, 4), ONE(getdents64, 0, 7, 8), ONE(fchdir, 0, 7, 8, 7),
    ONE(ftruncate, 0, 3, 4), ONE(fsync, 0, 3, 4, 7), ONE(fdatasync, 0, 3, 4),
    ONE(fchmod, 0, 3, 4, 7), ONE(fchown, 0, 3, 4, 7), ONE(sendfile, 0, 3, 6, 1), ONE(sendfile, 1, 3, 4),
    USE(sendfile, 2, OFFSET_INOUT), ONE(close, 0, 3, 4, 5, 16, 17, 18, 19, 20, 21, 22, 23),
    ONE(dup2, 1, 16, 17, 18, 20, 30, 40), ONE(dup3, 1, 16, 17, 18, 20, 30, 40), ONE(dup3, 2, 0, O_CLOEXEC),
    USE(open, 0, PATH_OWN), BITS(open, 1, O_RDWR, O_CREAT, O_NONBLOCK, O_APPEND, O_CLOEXEC, O_NOFOLLOW),
    USE(openat, 1, PATH_OWN), BITS(openat, 2, O_RDWR, O_CREAT, O_TRUNC, O_NONBLOCK, O_APPEND, O_CLOEXEC),
    USE(creat, 0, PATH_OWN), ONE(poll, 2, 0, 0, 1, 2), USE(poll, 0, POLLS), ONE(access, 1, 0, 1, 2, 4, 6),
    ONE(faccessat, 2, 0, 1, 2, 4, 6), ONE(faccessat2, 2, 0, 2, 4, 6), ONE(faccessat2, 3, 0, 0x200, 0x100),

    ONE(mmap, 2, 0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_WRITE, 7),
    ONE(mmap, 3, MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, MAP_PRIVATE | MAP_FIXED, MAP_SHARED | MAP_FIXED,
        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, MAP_PRIVATE | MAP_POPULATE | MAP_FIXED),
    USE(mmap, 1, PLAY_SIZE), ONE(mmap, 4, 3, 4), ONE(mmap, 5, 0, 0, 0x1000, 0x10000),
    USE(mprotect, 1, PLAY_SIZE), BITS(mprotect, 2, PROT_READ, PROT_WRITE, PROT_EXEC),
    USE(munmap, 1, PLAY_SIZE), USE(mremap, 1, PLAY_SIZE), USE(mremap, 2, PLAY_SIZE),
    ONE(mremap, 3, MREMAP_MAYMOVE, MREMAP_MAYMOVE, 0, MREMAP_MAYMOVE | MREMAP_FIXED, 5),
    USE(madvise, 1, PLAY_SIZE), ONE(madvise, 2, 0, 1, 2, 3, 4, 4, 8, 22, 23), ONE(brk, 0, 0, 0),

    USE(rt_sigaction, 1, SIGNAL_ACTION), USE(rt_sigaction, 2, NULL_OR_OUT), ONE(rt_sigaction, 3, SET_SIZE),
    ONE(rt_sigprocmask, 0, 0, 1, 1, 2), USE(rt_sigprocmask, 1, SIGNAL_SET),
    USE(rt_sigprocmask, 2, NULL_OR_OUT), ONE(rt_sigprocmask, 3, SET_SIZE), ONE(rt_sigpending, 1, SET_SIZE, 4),
    USE(rt_sigtimedwait, 0, SIGNAL_SET), USE(rt_sigtimedwait, 1, NULL_OR_OUT),
    USE(rt_sigtimedwait, 2, TIMESPEC), ONE(rt_sigtimedwait, 3, SET_SIZE), USE(rt_sigqueueinfo, 2, SIGNAL_INFO),
    USE(rt_tgsigqueueinfo, 3, SIGNAL_INFO), USE(rt_sigsuspend, 0, SIGNAL_SET), ONE(rt_sigsuspend, 1, SET_SIZE),
    USE(sigaltstack, 0, SIGNAL_STACK), USE(sigaltstack, 1, NULL_OR_OUT), ONE(getitimer, 0, 0, 1, 2),
    ONE(setitimer, 0, 0, 1, 2), USE(setitimer, 1, ITIMERVAL), USE(setitimer, 2, NULL_OR_OUT),
    ONE(alarm, 0, 0, 0, 1, 100),

    ONE(ioctl, 0, 5, 10, 11, 11, 11, 3),
    ONE(ioctl, 1, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TIOCGWINSZ, 0x5401 /* TCGETS */, TIOCGPGRP,
        TIOCGETD, TIOCOUTQ, 0x802c542a /* TCGETS2 */),
    USE(ioctl, 2, STRUCT_OUT), USE(select, 1, POLL_SET), USE(select, 2, POLL_SET), USE(select, 3, POLL_SET),
    USE(select, 4, TIMEVAL), USE(pselect6, 1, POLL_SET), USE(pselect6, 2, POLL_SET),
    USE(pselect6, 3, POLL_SET), USE(pselect6, 4, TIMESPEC), USE(pselect6, 5, MASK_ARGUMENT),
    USE(ppoll, 2, TIMESPEC), USE(ppoll, 3, SIGNAL_SET), ONE(ppoll, 4, SET_SIZE),
    USE(nanosleep, 0, TIMESPEC), USE(nanosleep, 1, NULL_OR_OUT), ONE(clock_nanosleep, 0, 0, 1, 7),
    ONE(clock_nanosleep, 1, 0, 1), USE(clock_nanosleep, 2, TIMESPEC), USE(clock_nanosleep, 3, NULL_OR_OUT),

    ONE(clone, 0, SIGCHLD, 0x50f00, 0x50f00 | 0x1000000 | 0x200000, CLONE_VM | CLONE_VFORK | SIGCHLD,
        CLONE_VFORK | SIGCHLD, CLONE_FILES | SIGCHLD, CLONE_VM | SIGCHLD, CLONE_CHILD_SETTID | SIGCHLD, 0),
    ONE(clone, 1, 0, 0, ARENA_STACK_TOP), USE(clone3, 0, CLONE_ARGUMENTS), ONE(clone3, 1, 64, 88, 88),
    USE(execve, 0, PATH_PROGRAM), ONE(wait4, 0, -1ull, -1ull, 0), USE(wait4, 1, NULL_OR_OUT),
    ONE(wait4, 2, WNOHANG, WNOHANG, WNOHANG, WNOHANG | WUNTRACED, WNOHANG | WCONTINUED, 0),
    USE(wait4, 3, NULL_OR_OUT), ONE(waitid, 0, P_ALL, P_ALL, P_PID, P_PGID),
    ONE(waitid, 3, WEXITED | WNOHANG, WEXITED | WNOHANG, WEXITED | WSTOPPED | WNOHANG,
        WEXITED | WNOWAIT | WNOHANG, WEXITED),
    USE(waitid, 4, NULL_OR_OUT), ONE(exit, 0, 0, 1, 255), ONE(exit_group, 0, 0, 1, 255),
    ONE(fcntl, 1, F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, 1032 /* F_GETPIPE_SZ */),
    ONE(fcntl, 2, 0, 1, 16, 20, O_NONBLOCK, O_APPEND | O_NONBLOCK), USE(setpgid, 0, DECOY),
    ONE(setpgid, 1, 0, 0), ONE(getpgid, 0, 0, 0), ONE(getsid, 0, 0, 0),

    USE(truncate, 0, PATH_OWN), ONE(fchdir, 0, 7, 7, 8), USE(chdir, 0, PATH_FOLDER),
    USE(rename, 0, PATH_VICTIM), USE(rename, 1, PATH_NEW), USE(renameat, 1, PATH_VICTIM),
    USE(renameat, 3, PATH_NEW), USE(renameat2, 1, PATH_VICTIM), USE(renameat2, 3, PATH_NEW),
    ONE(renameat2, 4, 0, 0, 0, 0, 1, 2), USE(mkdir, 0, PATH_FOLDER_NEW), USE(mkdirat, 1, PATH_FOLDER_NEW),
    USE(rmdir, 0, PATH_FOLDER_NEW), USE(link, 0, PATH_OWN), USE(link, 1, PATH_NEW), USE(linkat, 1, PATH_OWN),
    USE(linkat, 3, PATH_NEW), ONE(linkat, 4, 0, 0, 0x400), USE(unlink, 0, PATH_VICTIM),
    USE(unlinkat, 1, PATH_VICTIM), ONE(unlinkat, 2, 0), USE(symlink, 1, PATH_NEW), USE(symlinkat, 2, PATH_NEW),
    USE(readlink, 0, PATH_LINK), USE(readlinkat, 1, PATH_LINK), USE(mknod, 0, PATH_NEW),
    ONE(mknod, 1, S_IFREG | 0600, S_IFIFO | 0666, 0600), USE(mknodat, 1, PATH_NEW),
    ONE(mknodat, 2, S_IFREG | 0600, S_IFIFO | 0666, 0600), USE(chmod, 0, PATH_OWN), USE(fchmodat, 1, PATH_OWN),
    USE(chown, 0, PATH_OWN), USE(lchown, 0, PATH_OWN), USE(fchownat, 1, PATH_OWN), ONE(fchownat, 4, 0, 0x100),
    USE(utimensat, 1, PATH_OWN), USE(utimensat, 2, MOMENT), ONE(utimensat, 3, 0, 0x100),
    ONE(newfstatat, 3, 0, 0x100, 0x1000), ONE(statx, 2, 0, 0x100, 0x1000), ONE(statx, 3, 0x7ff, 0xfff, 0),

    ONE(getrlimit, 0, 0, 1, 2, 3, 4, 7, 9), ONE(setrlimit, 0, 0, 2, 4, 8, 10), USE(setrlimit, 1, LIMIT),
    ONE(prlimit64, 1, 0, 2, 4, 8, 10), USE(prlimit64, 2, LIMIT), USE(prlimit64, 3, NULL_OR_OUT),
    ONE(getrusage, 0, 0, 1, -1ull), ONE(syslog, 0, 0, 1, 3, 9, 10), ONE(setuid, 0, 0), ONE(setgid, 0, 0),
    ONE(getpriority, 0, 0, 1, 2), ONE(getpriority, 1, 0, 0), ONE(setpriority, 0, 0, 0, 1),
    ONE(setpriority, 1, 0), ONE(setpriority, 2, 0, 5, 19, -5ull), USE(sched_setparam, 1, PRIORITY),
    ONE(sched_setscheduler, 1, 0, 0, 3, 5, 0x40000000), USE(sched_setscheduler, 2, PRIORITY),
    ONE(sched_get_priority_max, 0, 0, 1, 2, 3, 5), ONE(sched_get_priority_min, 0, 0, 1, 2, 3, 5),
    ONE(sched_setaffinity, 1, 8, 8, 128), USE(sched_setaffinity, 2, CPU_MASK), ONE(sched_getaffinity, 1, 8, 8, 128),
    USE(sched_setattr, 1, ATTRIBUTES), ONE(sched_getattr, 2, 48, 56, 64), ONE(sched_getattr, 3, 0),
    ONE(prctl, 0, 16 /* PR_GET_NAME */, 15 /* PR_SET_NAME */), USE(prctl, 1, NAME),
    ONE(arch_prctl, 0, 0x1001, 0x1002, 0x1003, 0x1004), USE(arch_prctl, 1, THREAD_POINTER),
    ONE(reboot, 0, 0xfee1dead), ONE(reboot, 1, 672274793, 85072278), ONE(reboot, 2, 0),
    ONE(sethostname, 1, 0, 4, 9, 64), ONE(getgroups, 0, 0, 1, 16), ONE(setgroups, 0, 0, 1, 16),

    USE(futex, 0, WORD), USE(futex, 3, TIMESPEC), USE(futex, 4, WORD), ONE(futex, 2, 0, 0, 1, 5),
    // WAIT, WAKE, WAKE private, REQUEUE, CMP_REQUEUE, WAKE_OP, WAKE_BITSET, WAIT_BITSET private on realtime
    ONE(futex, 1, 0, 1, 1 | 128, 3, 4, 5, 10, 9 | 128 | 256),
    ONE(futex, 5, 0, 0, 1, 0x51001003), USE(set_tid_address, 0, WORD), USE(set_robust_list, 0, WORD),
    ONE(set_robust_list, 1, 24), ONE(get_robust_list, 0, 0, 0), ONE(tkill, 1, 0, SIGUSR1, SIGWINCH, 36),
    ONE(getrandom, 2, 0, 1, 2), BITS(pipe2, 1, O_CLOEXEC, O_NONBLOCK),
    ONE(fchmodat, 0, HERE, 7), ONE(clock_gettime, 0, 0, 1, 2, 3, 4, 5, 6, 7), ONE(clock_getres, 0, 0, 1, 2, 3, 7),
};
// clang-format on

static const struct refinement *plan[CALL_LIMIT][ARGUMENT_LIMIT];

void calls_prepare(void)
{
    for (size_t call = 0; call < call_count; call++) {
        for (size_t i = 0; i < COUNT_OF(refinements); i++) {
            if (refinements[i].number == calls[call].number)
                plan[call][refinements[i].argument] = &refinements[i];
        }
    }
}

const struct refinement *call_refinement(size_t call, unsigned argument)
{
    return plan[call][argument];
}
