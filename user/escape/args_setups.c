// How each call is made so that it gets as far as its memory, and the short list of what it does
// not follow, refuses or takes as it comes, each with the reason. What is not here has to succeed
// with usual values and to say EFAULT for every bad pointer.
#include "args.h"
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#define A(index) ARGUMENT(index)
#define ALL 0x3fu
#define SETTLS 0x80000ul
#define STORE_TIDS 0x1300000ul // CLONE_PARENT_SETTID, CHILD_SETTID, CHILD_CLEARTID
#define MOVE_THERE 3           // MREMAP_MAYMOVE | MREMAP_FIXED

static const struct setup setups[] = {
    { SYS_read, .given = A(0), .values = { PIPE_OUT_FD } },
    { .number = SYS_read },
    { SYS_write, .given = A(0), .values = { PIPE_IN_FD } },
    { .number = SYS_write },
    { SYS_readv, .given = A(0), .bits = 32, .values = { PIPE_OUT_FD } },
    { SYS_readv, .bits = 32 },
    { SYS_writev, .given = A(0), .bits = 32, .values = { PIPE_IN_FD } },
    { SYS_writev, .bits = 32 },
    { SYS_preadv, .bits = 32 },
    { SYS_pwritev, .bits = 32 },
    { SYS_sendfile, .given = A(0), .optional = A(2), .values = { PIPE_IN_FD } },
    { SYS_getdents64, .given = A(0), .bits = 32, .values = { FOLDER_FD } },
    { SYS_poll, .bits = 32 },
    { SYS_ppoll, .given = A(4), .optional = A(2) | A(3), .bits = 32, .values = { [4] = 8 } },
    // Of more descriptors than can be, those that are.
    { SYS_select, .optional = A(1) | A(2) | A(3) | A(4), .bits = 32, .clips = true },
    { SYS_pselect6, .optional = A(1) | A(2) | A(3) | A(4) | A(5), .bits = 32, .clips = true,
      .word = { 5, 8, 8 } },
    { SYS_ioctl, .given = A(0) | A(1), .writes = A(2), .values = { PIPE_OUT_FD, FIONREAD } },
    { SYS_ioctl, .given = A(0) | A(1), .values = { PIPE_OUT_FD, FIONBIO } },
    { SYS_ioctl, .given = A(0) | A(1), .writes = A(2), .needs = NEEDS_TERMINAL,
      .values = { TERMINAL_FD, FIONREAD } },
    { SYS_ioctl, .given = A(0) | A(1), .writes = A(2), .needs = NEEDS_TERMINAL,
      .values = { TERMINAL_FD, TCGETS } },
    { SYS_ioctl, .given = A(0) | A(1), .needs = NEEDS_TERMINAL, .values = { TERMINAL_FD, TCSETS } },
    { SYS_ioctl, .given = A(0) | A(1), .writes = A(2), .needs = NEEDS_TERMINAL,
      .values = { TERMINAL_FD, TIOCGWINSZ } },
    // No locks on parts of files here.
    { SYS_fcntl, .given = A(1), .missing = EINVAL, .values = { [1] = F_SETLK } },
    { SYS_fcntl, .given = A(1), .unused = A(2), .values = { [1] = F_GETFD } },

    { SYS_rename, .fresh = A(1) },
    { SYS_renameat, .fresh = A(3) },
    { SYS_renameat2, .fresh = A(3) },
    { SYS_link, .fresh = A(1) },
    { SYS_linkat, .fresh = A(3) },
    { SYS_symlink, .fresh = A(1) },
    { SYS_symlinkat, .fresh = A(2) },
    { SYS_mkdir, .fresh = A(0) },
    { SYS_mkdirat, .fresh = A(1) },
    { SYS_mknod, .fresh = A(0) },
    { SYS_mknodat, .fresh = A(1) },
    { SYS_rmdir, .fresh = A(0), .needs = NEEDS_FOLDER },
    { SYS_chdir, .folder = A(0) },
    { SYS_readlink, .given = A(0), .bits = 32, .values = { (uint64_t) "/proc/self/exe" } },
    { SYS_readlinkat, .given = A(1), .bits = 32, .values = { [1] = (uint64_t) "/proc/self/exe" } },
    // Nothing is there: it does not come to the buffer. For the path.
    { SYS_readlink, .fresh = A(0), .unused = A(1), .refuses = ENOENT },
    { SYS_readlinkat, .fresh = A(1), .unused = A(2), .refuses = ENOENT },
    { SYS_newfstatat, .given = A(3), .values = { 0 } },
    { SYS_utimensat, .optional = A(2) },
    // Nothing is mounted by a program here. Linux does not know the type; nothing is mounted there.
    { SYS_mount, .given = A(2), .optional = A(0) | A(4), .refuses = ENODEV, .missing = EPERM,
      .values = { [2] = (uint64_t) "no-such-file-system" } },
    { SYS_mount, .optional = A(0) | A(4), .refuses = ENODEV, .missing = EPERM },
    { SYS_umount2, .refuses = EINVAL, .missing = EPERM },

    { SYS_brk, .unused = A(0) }, // what cannot be leaves the end where it is
    // Without MAP_FIXED a hint.
    { SYS_mmap, .given = A(2) | A(3) | A(4), .unused = A(0),
      .values = { [2] = PROT_READ, [3] = MAP_PRIVATE | MAP_ANONYMOUS, [4] = -1ul } },
    { SYS_mmap, .given = A(2) | A(3) | A(4), .places = A(0),
      .values = { [2] = PROT_READ, [3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, [4] = -1ul } },
    { SYS_munmap, .places = A(0) },
    { SYS_mprotect, .places = A(0) },
    { SYS_madvise, .places = A(0) },
    { SYS_mremap, .places = A(0), .unused = A(4) }, // without MREMAP_FIXED
    { SYS_mremap, .given = A(1) | A(2) | A(3), .places = A(0) | A(4),
      .values = { [1] = PAGE, PAGE, MOVE_THERE } },

    { SYS_rt_sigaction, .given = A(3), .optional = A(1) | A(2), .values = { [3] = 8 } },
    { SYS_rt_sigprocmask, .given = A(3), .optional = A(1) | A(2), .values = { [3] = 8 } },
    { SYS_rt_sigpending, .given = A(1), .values = { [1] = 8 } },
    { SYS_rt_sigtimedwait, .given = A(3), .optional = A(1) | A(2), .needs = NEEDS_SIGNAL,
      .word = { 0, 0, 1ul << (SIGUSR2 - 1) }, .values = { [3] = 8 } },
    { SYS_rt_sigsuspend, .given = A(1), .refuses = EINTR, .values = { [1] = 8 } }, // its success
    { SYS_rt_sigqueueinfo, .self = A(0) },
    { SYS_rt_tgsigqueueinfo, .self = A(0) | A(1) },
    { SYS_sigaltstack, .optional = A(0) | A(1), .word = { 0, 8, SS_DISABLE } },
    // Nobody interrupts it, so there is no rest to tell; then SIGALRM does.
    { SYS_nanosleep, .unused = A(1) },
    { SYS_nanosleep, .optional = A(1), .refuses = EINTR, .word = { 0, 0, 1 } },
    { SYS_clock_nanosleep, .unused = A(3) },
    { SYS_clock_nanosleep, .optional = A(3), .refuses = EINTR, .word = { 2, 0, 1 } },
    { SYS_setitimer, .optional = A(1) | A(2) },
    { SYS_gettimeofday, .optional = A(0) | A(1) },
    { SYS_time, .optional = A(0) },
    { SYS_times, .optional = A(0) },
    { SYS_clock_getres, .optional = A(1) },

    // Numbers are stored for the parent and the child if they can be, and a stack is the child's
    // problem, which ends before it needs one.
    { SYS_clone, .given = A(0) | A(1), .unused = A(1) | A(2) | A(3) | A(4),
      .values = { STORE_TIDS | SIGCHLD } },
    { SYS_clone, .given = A(0), .unused = A(1) | A(2) | A(3) | A(4), .values = { SIGCHLD } },
    { SYS_clone, .given = A(0) | A(1), .unused = A(1) | A(2) | A(3), .places = A(4),
      .values = { SETTLS | SIGCHLD } },
    { SYS_clone3, .given = A(1), .word = { 0, 32, SIGCHLD }, .values = { [1] = 64 } },
    { SYS_execve, .given = A(0), .optional = A(1) | A(2), .values = { (uint64_t) "/bin/true" } },
    // Not executable: it does not come to the words. For the path.
    { SYS_execve, .unused = A(1) | A(2), .refuses = EACCES },
    { SYS_wait4, .optional = A(1) | A(3), .needs = NEEDS_CHILD },
    { SYS_waitid, .given = A(3), .optional = A(2) | A(4), .needs = NEEDS_CHILD,
      .values = { [3] = WEXITED } },
    // Looked at when the thread ends.
    { SYS_set_robust_list, .given = A(1), .unused = A(0), .values = { [1] = 24 } },
    { SYS_set_tid_address, .unused = A(0) },
    { SYS_rseq, .given = A(1), .clips = true, .bits = 32, .missing = ENOSYS,
      .values = { [1] = 32 } },
    { SYS_futex, .given = A(1), .optional = A(3), .unused = A(4), .refuses = ETIMEDOUT },
    // FUTEX_WAKE names the word by its place; FUTEX_CMP_REQUEUE the second one, and has a number in
    // place of the time.
    { SYS_futex, .given = A(1), .unused = A(3) | A(4), .places = A(0), .values = { [1] = 1 } },
    { SYS_futex, .given = A(1) | A(3), .unused = A(3), .places = A(4),
      .values = { [1] = 4, [3] = 1 } },
    { SYS_getcpu, .optional = A(0) | A(1) },
    { SYS_sched_setaffinity, .bits = 32, .clips = true, .word = { 2, 0, -1ul } },
    { SYS_sched_getaffinity, .bits = 32, .clips = true },

    { SYS_prctl, .given = A(0), .unused = A(2) | A(3) | A(4), .values = { PR_SET_NAME } },
    { SYS_prctl, .given = A(0), .unused = A(2) | A(3) | A(4), .writes = A(1),
      .values = { PR_GET_NAME } },
    { SYS_prctl, // not here
      .given = A(0), .unused = A(2) | A(3) | A(4), .writes = A(1), .missing = EINVAL,
      .values = { PR_GET_PDEATHSIG } },
    { SYS_arch_prctl, .given = A(0), .places = A(1), .values = { 0x1001 } }, // ARCH_SET_GS
    { SYS_arch_prctl, .given = A(0), .writes = A(1), .values = { 0x1003 } }, // ARCH_GET_FS
    { SYS_arch_prctl, .given = A(0), .writes = A(1), .values = { 0x1004 } }, // ARCH_GET_GS
    { SYS_getrlimit, .given = A(0), .values = { 4 } },                       // RLIMIT_CORE
    { SYS_setrlimit, .given = A(0), .values = { 4 } },
    { SYS_prlimit64, .given = A(1), .optional = A(2) | A(3), .values = { [1] = 4 } },
    // Everybody is root here, and in no other group.
    { SYS_getgroups, .given = A(0), .needs = NEEDS_GROUPS, .bits = 32, .clips = true,
      .may_be_empty = EVERYWHERE, .values = { 32 } },
    { SYS_setgroups, .bits = 32 },
    { SYS_sethostname, .bits = 32 },
    // Whole lines. On a Linux in a box there may be none.
    { SYS_syslog, .given = A(0) | A(2), .bits = 32, .clips = true, .may_be_empty = ON_LINUX_ONLY,
      .values = { 3, [2] = 2048 } },
    { SYS_reboot, .given = ALL, .unused = A(3), .refuses = EINVAL }, // without the magic numbers
};
static const struct setup usual;

const struct setup *setup_at(uint16_t number, size_t index)
{
    size_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(setups); i++) {
        if (setups[i].number == number && seen++ == index)
            return &setups[i];
    }
    return seen == 0 && index == 0 ? &usual : NULL;
}

bool setup_is_missing(const struct setup *setup)
{
    return setup->missing != 0 && kernel_is_ringfence();
}

bool setup_may_be_empty(const struct setup *setup)
{
    return setup->may_be_empty == EVERYWHERE ||
           (setup->may_be_empty == ON_LINUX_ONLY && !kernel_is_ringfence());
}
