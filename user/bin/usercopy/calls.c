// Every system call that takes an address, with every kind of bad address: always -EFAULT, and
// nothing else happens. Invariant: calls are made raw, so no library looks at the pointer first.
#include "usercopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READS = 1, WRITES = 2, NULL_IS_FINE = 4 };

struct call {
    const char *name;
    long (*make)(void *pointer);
    int notes; // does the kernel read or write there?
};

static int full_pipe[2], open_file, open_folder;

#define CALL(name, ...)                                                                            \
    static long call_##name(void *p)                                                               \
    {                                                                                              \
        return syscall(__VA_ARGS__);                                                               \
    }

static long good_path = (long)"/tmp";

CALL(read, SYS_read, full_pipe[0], p, 16)
CALL(read_file, SYS_read, open_file, p, 16)
CALL(pread, SYS_pread64, open_file, p, 16, 0)
CALL(write, SYS_write, full_pipe[1], p, 16)
CALL(write_file, SYS_write, open_file, p, 16)
CALL(pwrite, SYS_pwrite64, open_file, p, 16, 0)
CALL(readv_array, SYS_readv, full_pipe[0], p, 2)
CALL(writev_array, SYS_writev, full_pipe[1], p, 2)
CALL(open, SYS_open, p, O_RDONLY)
CALL(openat, SYS_openat, AT_FDCWD, p, O_RDONLY)
CALL(newfstatat_path, SYS_newfstatat, AT_FDCWD, p, places.good, 0)
CALL(newfstatat, SYS_newfstatat, AT_FDCWD, good_path, p, 0)
CALL(fstat, SYS_fstat, open_file, p)
CALL(getdents64, SYS_getdents64, open_folder, p, 1024)
CALL(mkdir, SYS_mkdir, p, 0755)
CALL(unlink, SYS_unlink, p)
CALL(rename_old, SYS_rename, p, good_path)
CALL(rename_new, SYS_rename, good_path, p)
CALL(chdir, SYS_chdir, p)
CALL(getcwd, SYS_getcwd, p, 64)
CALL(access, SYS_access, p, F_OK)
CALL(readlink_path, SYS_readlink, p, places.good, 64)
CALL(pipe2, SYS_pipe2, p, 0)
CALL(execve_path, SYS_execve, p, NULL, NULL)
CALL(execve_argv, SYS_execve, "/bin/busybox", p, NULL)
CALL(execve_envp, SYS_execve, "/bin/busybox", NULL, p)
CALL(nanosleep, SYS_nanosleep, p, NULL)
CALL(clock_nanosleep, SYS_clock_nanosleep, 1, 0, p, NULL)
CALL(clock_gettime, SYS_clock_gettime, 1, p)
CALL(gettimeofday, SYS_gettimeofday, p, NULL)
CALL(uname, SYS_uname, p)
CALL(sysinfo, SYS_sysinfo, p)
CALL(getrandom, SYS_getrandom, p, 16, 0)
CALL(prlimit64_new, SYS_prlimit64, 0, 3, p, NULL)
CALL(prlimit64_old, SYS_prlimit64, 0, 3, NULL, p)
CALL(sched_setaffinity, SYS_sched_setaffinity, 0, 8, p)
CALL(sched_getaffinity, SYS_sched_getaffinity, 0, 128, p)
CALL(arch_prctl, SYS_arch_prctl, 0x1003, p)

// The child is reaped although its status cannot be stored.
static long call_wait4(void *p)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    long result = syscall(SYS_wait4, pid, p, 0, NULL);
    int error = errno;
    if (waitpid(pid, NULL, 0) != -1 || errno != ECHILD)
        return 0;
    errno = error;
    return result;
}

static const struct call calls[] = {
    { "read", call_read, WRITES },
    { "read-file", call_read_file, WRITES },
    { "pread64", call_pread, WRITES },
    { "write", call_write, READS },
    { "write-file", call_write_file, READS },
    { "pwrite64", call_pwrite, READS },
    { "readv-array", call_readv_array, READS },
    { "writev-array", call_writev_array, READS },
    { "open", call_open, READS },
    { "openat", call_openat, READS },
    { "newfstatat-path", call_newfstatat_path, READS },
    { "newfstatat", call_newfstatat, WRITES },
    { "fstat", call_fstat, WRITES },
    { "getdents64", call_getdents64, WRITES },
    { "mkdir", call_mkdir, READS },
    { "unlink", call_unlink, READS },
    { "rename-old", call_rename_old, READS },
    { "rename-new", call_rename_new, READS },
    { "chdir", call_chdir, READS },
    { "getcwd", call_getcwd, WRITES },
    { "access", call_access, READS },
    { "readlink-path", call_readlink_path, READS },
    { "pipe2", call_pipe2, WRITES },
    { "execve-path", call_execve_path, READS },
    { "execve-argv", call_execve_argv, READS | NULL_IS_FINE },
    { "execve-envp", call_execve_envp, READS | NULL_IS_FINE },
    { "nanosleep", call_nanosleep, READS },
    { "clock_nanosleep", call_clock_nanosleep, READS },
    { "clock_gettime", call_clock_gettime, WRITES },
    { "gettimeofday", call_gettimeofday, WRITES | NULL_IS_FINE },
    { "uname", call_uname, WRITES },
    { "sysinfo", call_sysinfo, WRITES },
    { "getrandom", call_getrandom, WRITES },
    { "prlimit64-new", call_prlimit64_new, READS | NULL_IS_FINE },
    { "prlimit64-old", call_prlimit64_old, WRITES | NULL_IS_FINE },
    { "sched_setaffinity", call_sched_setaffinity, READS },
    { "sched_getaffinity", call_sched_getaffinity, WRITES },
    { "arch_prctl", call_arch_prctl, WRITES },
    { "wait4", call_wait4, WRITES | NULL_IS_FINE },
};

struct bad_address {
    const char *name;
    uintptr_t address;
};

static bool is_refused(const struct call *call, const struct bad_address *bad)
{
    char name[64], detail[64];
    errno = 0;
    long result = call->make((void *)bad->address);
    if (result == -1 && errno == EFAULT)
        return true;
    snprintf(name, sizeof(name), "%s(%s)", call->name, bad->name);
    snprintf(detail, sizeof(detail), "%ld, errno %d, expected EFAULT", result, errno);
    report(name, false, detail);
    return false;
}

static void check_call(const struct call *call)
{
    const struct bad_address addresses[] = {
        { "null", 0 },
        { "null-page", 64 },
        { "unmapped", (uintptr_t)places.unmapped },
        { "no-access", (uintptr_t)places.no_access },
        { "limit", 0x7ffffffff000 },
        { "last-byte", 0x7fffffffffff },
        { "non-canonical", 0x800000000000 },
        { "direct-map", 0xffff800000001000 },
        { "kernel", 0xffffffff80001000 },
        { "minus-4096", -4096ul },
        { "minus-1", -1ul },
        { "read-only", (uintptr_t)places.read_only },
    };
    size_t count = COUNT_OF(addresses) - !(call->notes & WRITES);
    bool good = true;
    for (size_t i = 0; i < count; i++)
        if (i != 0 || !(call->notes & NULL_IS_FINE))
            good &= is_refused(call, &addresses[i]);
    if (good)
        report(call->name, true, "");
}

void check_calls(void)
{
    static const char filling[64] = "something to read";
    open_file = open("/tmp/usercopy-file", O_CREAT | O_RDWR | O_TRUNC, 0600);
    open_folder = open("/", O_RDONLY | O_DIRECTORY);
    if (open_file < 0 || open_folder < 0 || pipe(full_pipe) != 0 ||
        write(full_pipe[1], filling, sizeof(filling)) != sizeof(filling) ||
        pwrite(open_file, filling, sizeof(filling), 0) != sizeof(filling))
        fail("preparing");
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        check_call(&calls[i]);
    // Nothing was consumed, nothing was written, no descriptor was made by a refused call.
    char rest[128];
    report("pipe-untouched", read(full_pipe[0], rest, sizeof(rest)) == sizeof(filling),
           "pipe changed");
    report("file-untouched",
           lseek(open_file, 0, SEEK_CUR) == 0 && lseek(open_file, 0, SEEK_END) == sizeof(filling),
           "file or its position changed");
    close(open_file);
    close(open_folder);
    close(full_pipe[0]);
    close(full_pipe[1]);
    unlink("/tmp/usercopy-file");
}
