// Every pointer that a system call takes (calls.def), with every kind of bad address: always
// -EFAULT, and nothing else happens. Invariant: calls are made raw, so no library looks at the
// pointer first; a pointer of include/syscalls.def that has no row is reported.
#include "usercopy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "syscall_arguments.h"

#define ARGUMENTS 6u
#define ARCH_GET_FS 0x1003
#define FUTEX_WAIT 0
#define SYSLOG_READ_ALL 3

enum {         // notes
    READS = 1, // the kernel does there
    WRITES = 2,
    NULL_IS_FINE = 4,
    NULL_IS_INVALID = 8, // -EINVAL
    REAPS = 16,          // takes a child, although it cannot say so
};

struct call {
    const char *name;
    long number;
    void (*fill)(long p, long arguments[ARGUMENTS]);
    int notes;
};

static int full_pipe[2], open_file, open_folder;
static pid_t child, own_pid;
static const struct timespec no_time; // or timeval

#define GOOD (long)places.good
#define NO_TIME (long)&no_time
#define FOLDER (long)"/tmp"
#define LINK (long)"/tmp/usercopy-link"
#define PROGRAM (long)"/bin/busybox"

#define EXEMPT(number, argument)
#define CALL(name, notes, number, ...)                                                             \
    static void fill_##name(long p, long arguments[ARGUMENTS])                                     \
    {                                                                                              \
        const long values[ARGUMENTS] = { __VA_ARGS__ };                                            \
        memcpy(arguments, values, sizeof(values));                                                 \
    }
#include "calls.def"
#undef CALL

#define CALL(name, notes, number, ...) { #name, number, fill_##name, notes },
static const struct call calls[] = {
#include "calls.def"
};
#undef CALL
#undef EXEMPT

// So that no call is forgotten.
enum type { SYSCALL_ARGUMENT_TYPES };

static bool is_pointer(enum type type)
{
    return type == PATH || type == BUFFER_IN || type == BUFFER_OUT || type == STRUCT_IN ||
           type == STRUCT_OUT || type == STRUCT_INOUT || type == VECTOR || type == STRINGS ||
           type == POLLS;
}

static bool is_exempt(long number, unsigned argument)
{
#define CALL(...)
#define EXEMPT(exempt_number, exempt_argument) { exempt_number, exempt_argument },
    static const long exempt[][2] = {
#include "calls.def"
    };
#undef CALL
#undef EXEMPT
    for (size_t i = 0; i < COUNT_OF(exempt); i++) {
        if (exempt[i][0] == number && exempt[i][1] == argument + 1)
            return true;
    }
    return false;
}

static bool has_row(long number, unsigned argument)
{
    const long marker = 0x5a5a5a5a5a5a;
    long arguments[ARGUMENTS];
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        calls[i].fill(marker, arguments);
        if (calls[i].number == number && arguments[argument] == marker)
            return true;
    }
    return is_exempt(number, argument);
}

static void check_completeness(void)
{
    static const struct {
        const char *name;
        long number;
        enum type types[ARGUMENTS];
    } known[] = {
#define SYSCALL(call_number, call_name, ...) { #call_name, call_number, { __VA_ARGS__ } },
#include "syscalls.def"
#undef SYSCALL
    };
    char detail[64];
    bool good = true;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        for (unsigned argument = 0; argument < ARGUMENTS; argument++) {
            if (!is_pointer(known[i].types[argument]) || has_row(known[i].number, argument))
                continue;
            snprintf(detail, sizeof(detail), "%s, argument %u", known[i].name, argument + 1);
            report("no-row", false, detail);
            good = false;
        }
    }
    if (good)
        report("every-pointer-has-a-row", true, "");
}

static long make_call(const struct call *call, uintptr_t pointer)
{
    long a[ARGUMENTS];
    if (call->notes & REAPS)
        child = fork();
    if ((call->notes & REAPS) && child == 0)
        _exit(0);
    call->fill((long)pointer, a);
    errno = 0;
    long result = syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    int error = errno;
    if ((call->notes & REAPS) && (waitpid(child, NULL, 0) != -1 || errno != ECHILD))
        return 0;
    errno = error;
    return result;
}

struct bad_address {
    const char *name;
    uintptr_t address;
};

static bool is_refused(const struct call *call, const struct bad_address *bad)
{
    char name[64], detail[64];
    int due = bad->address == 0 && (call->notes & NULL_IS_INVALID) ? EINVAL : EFAULT;
    long result = make_call(call, bad->address);
    if (result == -1 && errno == due)
        return true;
    snprintf(name, sizeof(name), "%s(%s)", call->name, bad->name);
    snprintf(detail, sizeof(detail), "%ld, errno %d, expected %d", result, errno, due);
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
        { "kernel", 0xffffffff80001000 }, // its text, in boots with nokaslr
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
    own_pid = getpid();
    (void)symlink("somewhere", (const char *)LINK);
    check_completeness();
    if (open_file < 0 || open_folder < 0 || pipe(full_pipe) != 0 ||
        write(full_pipe[1], filling, sizeof(filling)) != sizeof(filling) ||
        pwrite(open_file, filling, sizeof(filling), 0) != sizeof(filling))
        fail("preparing");
    bool has_log = syscall(SYS_syslog, SYSLOG_READ_ALL, places.good, 64) > 0;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        if (calls[i].number != SYS_syslog || has_log) // of an empty one nothing is copied
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
    unlink((const char *)LINK);
}
