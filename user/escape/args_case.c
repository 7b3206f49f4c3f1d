// One call with one bad argument, in a process of its own, from good memory on all other sides.
// Invariant: a call that blocks is ended by SIGALRM, and a process that a call makes ends at once.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FOLDER "/tmp/escape-arguments"
#define FILE_PATH FOLDER "/file"
#define FRESH_PATH FOLDER "/fresh"
#define ROOM 1024u // of good memory for each argument
#define BLOCKING_US 60000
#define HUNG_ALARMS 40
#define FILLING 'A' // as a signal mask it lets SIGALRM through

bool outcomes_are_printed;
struct arena arena;
static volatile struct outcome *shared;
static int alarms;

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

static void open_terminal(void)
{
    int terminal = open("/dev/console", O_RDWR | O_NOCTTY);
    if (terminal < 0 || !isatty(terminal))
        terminal = posix_openpt(O_RDWR | O_NOCTTY); // Linux in a box
    if (terminal < 0 || dup2(terminal, TERMINAL_FD) < 0)
        fail("terminal");
}

static void open_files(void)
{
    int ends[2], file = open(FILE_PATH, O_CREAT | O_RDWR | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, PAGE) != 0 || dup2(file, FILE_FD) < 0 || pipe(ends) != 0 ||
        dup2(ends[0], PIPE_OUT_FD) < 0 || dup2(ends[1], PIPE_IN_FD) < 0 ||
        write(PIPE_IN_FD, arena.canary, 64) != 64)
        fail("preparing");
    dup2(open(FOLDER, O_RDONLY | O_DIRECTORY), FOLDER_FD);
}

// A child that has ended and was not waited for.
static void provide_child(void)
{
    siginfo_t info = { 0 };
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
        return;
    if (fork() == 0)
        _exit(0);
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
}

static void provide_needs(uint8_t needs)
{
    unlink(FRESH_PATH);
    rmdir(FRESH_PATH);
    if (needs & NEEDS_FOLDER)
        mkdir(FRESH_PATH, 0755);
    if (needs & NEEDS_CHILD)
        provide_child();
    if (needs & NEEDS_SIGNAL)
        kill(getpid(), SIGUSR2);
}

void case_prepare(const struct setup *setup)
{
    const struct itimerval soon = { { 0, BLOCKING_US }, { 0, BLOCKING_US } };
    struct sigaction action = { .sa_handler = count_alarm };
    sigset_t set;
    prctl(PR_SET_NAME, "hostile");
    signals_reset();
    open_files();
    if (setup->needs & NEEDS_TERMINAL)
        open_terminal();
    if (setup->needs & NEEDS_GROUPS)
        syscall(SYS_setgroups, 2, (const gid_t[]){ 0, 1 });
    close(0);
    close(1);
    close(2);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGUSR1, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    provide_needs(setup->needs);
}

// For the same call once more: as after case_prepare(), with pipes that block nobody.
void case_renew(const struct setup *setup)
{
    static char bytes[8192];
    alarms = 0;
    for (int fd = 0; fd < 8; fd++)
        close(fd);
    close(open(FILE_PATH, O_CREAT | O_RDWR, 0644));
    fcntl(PIPE_OUT_FD, F_SETFL, O_NONBLOCK);
    fcntl(PIPE_IN_FD, F_SETFL, O_NONBLOCK);
    while (read(PIPE_OUT_FD, bytes, sizeof(bytes)) > 0)
        ;
    if (write(PIPE_IN_FD, arena.canary, 64) != 64 || ftruncate(FILE_FD, PAGE) != 0)
        fail("preparing again");
    lseek(FILE_FD, 0, SEEK_SET);
    lseek(FOLDER_FD, 0, SEEK_SET);
    if (!(setup->needs & NEEDS_CHILD))
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    provide_needs(setup->needs);
}

// An array of what the kind points to, over good memory.
static uint64_t fill_good(uint8_t kind, char *memory, size_t room)
{
    char *text = memory + room / 2;
    switch (kind) {
    case PATH:
        strcpy(memory, FILE_PATH);
        break;
    case VECTOR:
        ((struct iovec *)memory)[0] = (struct iovec){ text, 32 };
        ((struct iovec *)memory)[1] = (struct iovec){ text + 32, 32 };
        break;
    case STRINGS:
        strcpy(text, "true");
        ((char **)memory)[0] = ((char **)memory)[1] = text;
        break;
    case POLLS:
        *(int *)memory = FILE_FD;
        break;
    default:
        break;
    }
    return (uint64_t)memory;
}

static uint64_t usual_value(const struct call *call, unsigned index, char *memory, size_t room)
{
    uint8_t kind = call->kinds[index];
    switch (kind) {
    case FD:
        return FILE_FD;
    case DIRFD:
        return (uint64_t)AT_FDCWD;
    case SIZE:
        return 64;
    case COUNT:
        return index > 0 && call->kinds[index - 1] == VECTOR ? 2 : 1;
    case CLOCK:
        return 1;
    case SIGNAL:
        return SIGUSR1;
    default:
        return kind_is_pointer(kind) ? fill_good(kind, memory, room) : 0;
    }
}

void case_fill(const struct call *call, const struct setup *setup, char *memory, size_t room,
               uint64_t values[ARGUMENT_COUNT])
{
    for (unsigned i = 0; i < ARGUMENT_COUNT; i++) {
        char *own = memory + i * room;
        values[i] = usual_value(call, i, own, room);
        if (setup->given & ARGUMENT(i))
            values[i] = setup->values[i];
        if (setup->self & ARGUMENT(i))
            values[i] = (uint64_t)getpid();
        if (setup->folder & ARGUMENT(i))
            strcpy(own, FOLDER);
        if (setup->fresh & ARGUMENT(i))
            strcpy(own, FRESH_PATH);
        if (setup->word.value != 0 && setup->word.argument == i)
            *(uint64_t *)(own + setup->word.offset) = setup->word.value;
        if (i == 2 && setup->needs & NEEDS_TERMINAL)
            ioctl(TERMINAL_FD, TCGETS, own);
    }
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

static int make_case(const struct call *call, const struct setup *setup, const struct bad *bad)
{
    uint64_t values[ARGUMENT_COUNT];
    case_prepare(setup);
    memset(arena.good, 0, 2 * PAGE);
    case_fill(call, setup, arena.good, ROOM, values);
    if (bad->is_inner)
        *(uint64_t *)(arena.good + bad->index * ROOM + bad->offset) = bad->value;
    else if (bad->index < ARGUMENT_COUNT)
        values[bad->index] = bad->value;
    shared->value = case_call(call->number, values);
    shared->returned = true;
    shared->intact = arena_is_intact(bad->index < ARGUMENT_COUNT ? (const char *)bad->value : NULL);
    return 0;
}

struct outcome case_run(const struct call *call, const struct setup *setup, const struct bad *bad)
{
    struct outcome outcome;
    memset((void *)shared, 0, sizeof(*shared));
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        _exit(make_case(call, setup, bad));
    int status = child_wait(pid);
    outcome = *shared;
    outcome.status = status;
    return outcome;
}
