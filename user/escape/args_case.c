// One call with one bad argument, in a process of its own, from good memory on all other sides.
// Invariant: a call that blocks is ended by SIGALRM, and a process that a call makes ends at once.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "/tmp/escape-arguments"
#define FILE_PATH FOLDER "/file"
#define ROOM 1024u // of good memory for each argument
#define BLOCKING_US 60000
#define HUNG_ALARMS 40
#define FILLING 'A' // as a signal mask it lets SIGALRM through

// Descriptors of every case's process.
enum { FILE_FD = 40, FOLDER_FD, PIPE_OUT_FD, PIPE_IN_FD };

#define ARG(index) (1u << (index))
#define ALL 0x3fu
static const struct setup setups[] = {
    { SYS_read, ARG(0), 0, { PIPE_OUT_FD } },
    { SYS_read, 0, 0, { 0 } },
    { SYS_write, ARG(0), 0, { PIPE_IN_FD } },
    { SYS_write, 0, 0, { 0 } },
    { SYS_readv, ARG(0), 0, { PIPE_OUT_FD } },
    { SYS_readv, 0, 0, { 0 } },
    { SYS_writev, ARG(0), 0, { PIPE_IN_FD } },
    { SYS_writev, 0, 0, { 0 } },
    { SYS_poll, ARG(2), 0, { 0 } },
    { SYS_rt_sigaction, ARG(3), 0, { [3] = 8 } },
    { SYS_rt_sigprocmask, ARG(3), 0, { [3] = 8 } },
    { SYS_rt_sigpending, ARG(1), 0, { [1] = 8 } },
    { SYS_rt_sigtimedwait, ARG(3), 0, { [3] = 8 } },
    { SYS_rt_sigsuspend, ARG(1), 0, { [1] = 8 } },
    { SYS_ppoll, ARG(4), 0, { [4] = 8 } },
    { SYS_ioctl, ARG(0) | ARG(1), 0, { PIPE_OUT_FD, 0x541b } }, // FIONREAD
    { SYS_fcntl, ARG(1), 0, { [1] = 5 } },                      // F_GETLK
    { SYS_fcntl, ARG(1), 0, { [1] = 6 } },                      // F_SETLK
    { SYS_prctl, ARG(0), 0, { PR_SET_NAME } },
    { SYS_prctl, ARG(0), 0, { PR_GET_NAME } },
    { SYS_prctl, ARG(0), 0, { PR_GET_PDEATHSIG } },
    { SYS_arch_prctl, ARG(0), 0, { 0x1003 } }, // ARCH_GET_FS
    { SYS_arch_prctl, ARG(0), 0, { 0x1004 } },
    { SYS_sendfile, ARG(0), 0, { PIPE_IN_FD } },
    // CLONE_PARENT_SETTID, CHILD_SETTID, CHILD_CLEARTID
    { SYS_clone, ARG(0) | ARG(1), 0, { 0x1300000 | SIGCHLD } },
    { SYS_clone, ARG(0), 0, { SIGCHLD } },
    { SYS_execve, ARG(0), 0, { (uint64_t) "/bin/true" } },
    { SYS_wait4, 0, NEEDS_CHILD, { 0 } },
    { SYS_waitid, ARG(3), NEEDS_CHILD, { [3] = WEXITED } },
    { SYS_readlink, ARG(0), 0, { (uint64_t) "/proc/self/exe" } },
    { SYS_readlinkat, ARG(1), 0, { [1] = (uint64_t) "/proc/self/exe" } },
    { SYS_getrlimit, ARG(0), 0, { 4 } }, // RLIMIT_CORE
    { SYS_setrlimit, ARG(0), 0, { 4 } },
    { SYS_prlimit64, ARG(1), 0, { [1] = 4 } },
    { SYS_syslog, ARG(0), 0, { 3 } },
    { SYS_reboot, ALL, 0, { 0 } },
    { SYS_sched_setaffinity, 0, NEEDS_ONES, { 0 } },
    { SYS_getdents64, ARG(0), 0, { FOLDER_FD } },
    { SYS_set_robust_list, ARG(1), 0, { [1] = 24 } },
    { SYS_getgroups, ARG(0), 0, { 32 } },
    { SYS_rseq, ARG(1), 0, { [1] = 32 } },
    { SYS_clone3, ARG(1), 0, { [1] = 64 } },
    { SYS_futex, ARG(1), 0, { [1] = 0 } }, // WAIT
    { SYS_futex, ARG(1), 0, { [1] = 1 } }, // WAKE
    { SYS_futex, ARG(1), 0, { [1] = 4 } }, // CMP_REQUEUE
    { SYS_mount, ARG(2), 0, { [2] = (uint64_t) "no-such-file-system" } },
    { SYS_newfstatat, ARG(3), 0, { 0 } },
    { SYS_getcwd, 0, 0, { 0 } },
};
static const struct setup usual;

bool outcomes_are_printed;
struct arena arena;
static volatile struct outcome *shared;
static int alarms;

const struct setup *setup_at(uint16_t number, size_t index)
{
    size_t seen = 0;
    for (size_t i = 0; i < COUNT_OF(setups); i++) {
        if (setups[i].number == number && seen++ == index)
            return &setups[i];
    }
    return seen == 0 && index == 0 ? &usual : NULL;
}

// Holes stay holes: nothing is mapped after them.
static char *map_at(char *address, size_t pages, int protection, int flags)
{
    char *memory = mmap(address, pages * PAGE, protection,
                        MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED : 0) | flags, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

void arena_make(void)
{
    shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail("mmap");
    char *base = map_at(NULL, 16, PROT_NONE, 0);
    arena.canary = map_at(base + PAGE, 1, PROT_READ | PROT_WRITE, 0);
    arena.good = map_at(base + 2 * PAGE, 2, PROT_READ | PROT_WRITE, 0);
    munmap(base + 4 * PAGE, PAGE);
    arena.edge = map_at(base + 5 * PAGE, 1, PROT_READ | PROT_WRITE, 0) + PAGE;
    munmap(arena.edge, PAGE);
    arena.unmapped = arena.edge;
    arena.border = map_at(base + 8 * PAGE, 2, PROT_READ | PROT_WRITE, 0) + PAGE;
    arena.read_only = arena.border;
    memset(arena.canary, 0x5a, PAGE);
    memset(arena.edge - PAGE, FILLING, PAGE);
    memset(arena.border - PAGE, FILLING, 2 * PAGE);
    mprotect(arena.read_only, PAGE, PROT_READ);
    arena.no_access = base + 12 * PAGE;
    mkdir(FOLDER, 0755);
}

static bool is_filled(const char *from, const char *to, char byte)
{
    while (from < to && *from == byte)
        from++;
    return from >= to;
}

// Up to the pointer all pages but the good ones are as they were, and the read-only one everywhere.
bool arena_is_intact(const char *pointer)
{
    const char *edge = arena.edge, *border = arena.border;
    if (pointer >= edge - PAGE && pointer < edge)
        edge = pointer;
    if (pointer >= border - PAGE && pointer < border)
        border = pointer;
    return is_filled(arena.canary, arena.canary + PAGE, 0x5a) &&
           is_filled(arena.edge - PAGE, edge, FILLING) &&
           is_filled(arena.border - PAGE, border, FILLING) &&
           is_filled(arena.read_only, arena.read_only + PAGE, FILLING);
}

static void count_alarm(int signal)
{
    if (++alarms > HUNG_ALARMS)
        _exit(99);
}

static void prepare_process(void)
{
    const struct itimerval soon = { { 0, BLOCKING_US }, { 0, BLOCKING_US } };
    struct sigaction action = { .sa_handler = count_alarm };
    int ends[2], file = open(FILE_PATH, O_CREAT | O_RDWR | O_TRUNC, 0644);
    prctl(PR_SET_NAME, "hostile");
    signals_reset();
    if (file < 0 || ftruncate(file, PAGE) != 0 || dup2(file, FILE_FD) < 0 || pipe(ends) != 0 ||
        dup2(ends[0], PIPE_OUT_FD) < 0 || dup2(ends[1], PIPE_IN_FD) < 0 ||
        write(PIPE_IN_FD, arena.canary, 64) != 64)
        fail("preparing");
    dup2(open(FOLDER, O_RDONLY | O_DIRECTORY), FOLDER_FD);
    close(0);
    close(1);
    close(2);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGUSR1, SIG_IGN);
    setitimer(ITIMER_REAL, &soon, NULL);
}

// An array of what the kind points to, over good memory.
static uint64_t fill_good(uint8_t kind, char *memory)
{
    char *text = memory + ROOM / 2;
    switch (kind) {
    case PATH:
        strcpy(memory, FILE_PATH);
        break;
    case VECTOR:
        *(struct iovec *)memory = (struct iovec){ text, 64 };
        break;
    case STRINGS:
        strcpy(text, "true");
        *(char **)memory = text;
        break;
    case POLLS:
        *(int *)memory = FILE_FD;
        break;
    default:
        break;
    }
    return (uint64_t)memory;
}

static uint64_t usual_value(uint8_t kind, char *memory)
{
    switch (kind) {
    case FD:
        return FILE_FD;
    case DIRFD:
        return (uint64_t)AT_FDCWD;
    case SIZE:
        return 64;
    case COUNT:
    case CLOCK:
        return 1;
    case SIGNAL:
        return SIGUSR1;
    default:
        return kind_is_pointer(kind) ? fill_good(kind, memory) : 0;
    }
}

void case_prepare(const struct call *call, const struct setup *setup,
                  uint64_t values[ARGUMENT_COUNT])
{
    memset(arena.good, setup->needs & NEEDS_ONES ? 0xff : 0, 2 * PAGE);
    for (unsigned i = 0; i < ARGUMENT_COUNT; i++) {
        values[i] = usual_value(call->kinds[i], arena.good + i * ROOM);
        if (setup->given & ARG(i))
            values[i] = setup->values[i];
    }
    prepare_process();
    if (!(setup->needs & NEEDS_CHILD))
        return;
    siginfo_t info;
    if (fork() == 0)
        _exit(0);
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
}

// What is a new process or thread afterwards ends at once: it may have no stack.
long case_call(uint16_t number, const uint64_t values[ARGUMENT_COUNT])
{
    long result = number;
    register uint64_t r10 __asm__("r10") = values[3];
    register uint64_t r8 __asm__("r8") = values[4];
    register uint64_t r9 __asm__("r9") = values[5];
    register uint64_t is_clone __asm__("r12") = number == SYS_clone || number == SYS_clone3;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "test %%r12, %%r12\n\t"
                     "jz 1f\n\t"
                     "mov $60, %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(result)
                     : "D"(values[0]), "S"(values[1]), "d"(values[2]), "r"(r10), "r"(r8), "r"(r9),
                       "r"(is_clone)
                     : "rcx", "r11", "memory");
    return result;
}

static int make_case(const struct call *call, const struct setup *setup, unsigned index,
                     uint64_t value)
{
    uint64_t values[ARGUMENT_COUNT];
    case_prepare(call, setup, values);
    if (index < ARGUMENT_COUNT)
        values[index] = value;
    shared->value = case_call(call->number, values);
    shared->returned = true;
    shared->intact = arena_is_intact(index < ARGUMENT_COUNT ? (const char *)value : NULL);
    return 0;
}

struct outcome case_run(const struct call *call, const struct setup *setup, unsigned index,
                        uint64_t value)
{
    struct outcome outcome;
    memset((void *)shared, 0, sizeof(*shared));
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        _exit(make_case(call, setup, index, value));
    int status = child_wait(pid);
    outcome = *shared;
    outcome.status = status;
    return outcome;
}
