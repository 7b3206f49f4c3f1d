// Words that change while the kernel reads them: one thread flips a pointer, a length or a flag in
// memory between a good value and one of the kernel's half while the other makes the call that
// reads it, so that what is checked and what is used may differ. The call has to copy once, then
// look. Invariant: it does what it does with one of the two, and goes on until both were seen.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 1000u
#define QUICK_CALLS 200u
#define LIMIT_NS 20000000000u
#define MARK 'g'
#define BYTES 64u
#define GARBAGE "/tmp/escape-garbage"
#define CLONE_SETTLS_FLAG 0x80000ul

static const uint64_t kernel_half[] = { 0xffffffff80001000, 0xffff800000001000, 0x8000000000000000,
                                        -4096ul };

struct race {
    // One call; its result, or -errno. *word is being flipped.
    long (*call)(void);
    void (*prepare)(void); // sets `good`, `bad` and `word`
    bool (*is_good)(long result);
    bool (*is_refused)(long result); // what the bad value comes to
};

static volatile uint64_t *word;
static uint64_t good, bad; // bad 0: those of kernel_half in turn
static volatile bool stop;
static char *memory; // a page, and one that nobody may read
static int ends[2];
static char received[4 * BYTES];
static struct stat folder;
// Of a child: it says what it got.
static volatile struct {
    uint64_t stack, tls;
} * told;
static uint64_t stack_due, tls_due; // 0: nobody asks

static void *flip(void *unused)
{
    for (unsigned i = 0; !stop; i++) {
        *word = bad != 0 ? bad : kernel_half[i / 64 % COUNT_OF(kernel_half)];
        if (i % 64 == 0)
            sched_yield();
        *word = good;
        if (i % 64 == 32)
            sched_yield();
    }
    return NULL;
}

static bool is_whole(long result)
{
    return result == BYTES;
}

static bool is_done(long result)
{
    return result >= 0;
}

static bool is_fault(long result)
{
    return result == -EFAULT;
}

static bool is_fault_or_invalid(long result)
{
    return result == -EFAULT || result == -EINVAL;
}

static void prepare_vector(void)
{
    struct iovec *vector = (struct iovec *)memory;
    if (pipe2(ends, O_NONBLOCK) != 0)
        fail("pipe");
    memset(memory + 512, MARK, 4 * BYTES);
    *vector = (struct iovec){ memory + 512, BYTES };
    word = (volatile uint64_t *)&vector->iov_base;
    good = *word;
}

// A length that wraps the address, and one that is more than there is.
static void prepare_length(void)
{
    prepare_vector();
    word = (volatile uint64_t *)&((struct iovec *)memory)->iov_len;
    good = BYTES;
    bad = -(uint64_t)memory;
}

// What went into the pipe is what was in good memory.
static long call_writev(void)
{
    long result = syscall(SYS_writev, ends[1], memory, 1);
    if (result < 0)
        return -errno;
    long count = read(ends[0], received, sizeof(received));
    for (long i = 0; i < count; i++) {
        if (received[i] != MARK)
            return attempt_note("byte %#x came out", (unsigned char)received[i]), -EIO;
    }
    return count == result ? result : -EIO;
}

static long call_readv(void)
{
    char bytes[BYTES];
    memset(bytes, MARK, sizeof(bytes));
    while (read(ends[0], received, sizeof(received)) > 0)
        ;
    if (write(ends[1], bytes, sizeof(bytes)) != (long)sizeof(bytes))
        return -EIO;
    long result = syscall(SYS_readv, ends[0], memory, 1);
    return result < 0 ? -errno : result;
}

// The last bytes of the page: with their end, or without.
static void prepare_path(void)
{
    char *path = memory + PAGE - 8;
    memcpy(path, "/tmp", 5);
    memcpy((void *)&good, path, sizeof(good));
    memcpy((void *)&bad, "/tmp/...", sizeof(bad));
    word = (volatile uint64_t *)path;
}

// Long, and then there is nothing of it.
static void prepare_long_path(void)
{
    memcpy(memory, "/tmp", 4);
    memset(memory + 4, '/', 1024);
    memcpy((void *)&good, memory, sizeof(good));
    bad = good & ~0xfful;
    word = (volatile uint64_t *)memory;
    if (stat("/tmp", &folder) != 0)
        fail("/tmp");
}

static long call_openat(void)
{
    int file = (int)syscall(SYS_openat, AT_FDCWD, memory + PAGE - 8, O_RDONLY);
    if (file < 0)
        return -errno;
    close(file);
    return 0;
}

// Not the working directory, which is what an empty path names for some calls.
static long call_openat_long(void)
{
    struct stat opened;
    int file = (int)syscall(SYS_openat, AT_FDCWD, memory, O_RDONLY);
    if (file < 0)
        return -errno;
    fstat(file, &opened);
    close(file);
    return opened.st_ino == folder.st_ino && opened.st_dev == folder.st_dev ? 0 : -EIO;
}

static bool is_nothing(long result)
{
    return result == -ENOENT;
}

// What can be executed, but is no program.
static void prepare_words(void)
{
    int file = open(GARBAGE, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    if (file < 0 || write(file, "\1\2\3\4", 4) != 4 || fchmod(file, 0755) != 0 || close(file) != 0)
        fail(GARBAGE);
    strcpy(memory + 512, "word");
    good = (uint64_t)memory + 512;
    ((uint64_t *)memory)[0] = good;
    word = (volatile uint64_t *)memory + 1;
    *word = good;
}

static long call_execve(void)
{
    static char *const none[] = { NULL };
    return syscall(SYS_execve, GARBAGE, memory, none) < 0 ? -errno : 0;
}

static long call_execve_environment(void)
{
    static char *const none[] = { NULL };
    return syscall(SYS_execve, GARBAGE, none, memory) < 0 ? -errno : 0;
}

static bool is_no_program(long result)
{
    return result == -ENOEXEC;
}

static void prepare_set(void)
{
    ((uint64_t *)memory)[1] = 8;
    word = (volatile uint64_t *)memory;
    good = (uint64_t)memory + 512;
}

static long call_pselect(void)
{
    static const struct timespec at_once;
    long result = syscall(SYS_pselect6, 0, NULL, NULL, NULL, &at_once, memory);
    return result < 0 ? -errno : result;
}

// Words of struct clone_args.
enum { FLAGS_WORD, EXIT_SIGNAL = 4, STACK, STACK_SIZE, TLS, CLONE_WORDS };

static void prepare_clone(unsigned index, uint64_t flags, uint64_t value)
{
    uint64_t *words = (uint64_t *)memory;
    words[FLAGS_WORD] = flags;
    words[EXIT_SIGNAL] = SIGCHLD;
    words[index] = good = value;
    word = (volatile uint64_t *)&words[index];
}

static void prepare_clone_stack(void)
{
    ((uint64_t *)memory)[STACK_SIZE] = 512;
    prepare_clone(STACK, 0, (uint64_t)memory + 1024);
    stack_due = good + 512;
}

static void prepare_clone_tls(void)
{
    prepare_clone(TLS, CLONE_SETTLS_FLAG, (uint64_t)memory + 1024);
    tls_due = good;
}

static void prepare_clone_flags(void)
{
    prepare_clone(FLAGS_WORD, 0, 0);
    bad = 0x10800; // CLONE_THREAD | CLONE_SIGHAND without CLONE_VM
}

// The child writes down its stack pointer and its FS base, and ends.
static long clone_to_tell(void)
{
    long result = SYS_clone3;
    register uint64_t place __asm__("r12") = (uint64_t)told;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "mov %%rsp, (%%r12)\n\t"
                     "mov $158, %%eax\n\t" // arch_prctl
                     "mov $0x1003, %%edi\n\t"
                     "lea 8(%%r12), %%rsi\n\t"
                     "syscall\n\t"
                     "mov $60, %%eax\n\t"
                     "xor %%edi, %%edi\n\t"
                     "syscall\n"
                     "1:"
                     : "+a"(result)
                     : "D"(memory), "S"(CLONE_WORDS * sizeof(uint64_t)), "r"(place)
                     : "rcx", "r11", "memory");
    return result;
}

static long call_clone(void)
{
    told->stack = told->tls = 0;
    long result = clone_to_tell();
    if (result < 0)
        return result;
    while (waitpid(-1, NULL, 0) > 0)
        ;
    bool is_right =
        (stack_due == 0 || told->stack == stack_due) && (tls_due == 0 || told->tls == tls_due);
    return is_right ? result : -EIO;
}

static bool is_right_refusal_of_clone(long result)
{
    return result == -EINVAL || result == -EPERM || result == -EFAULT;
}

static void note_wrong(long result)
{
    if (record->note[0] == '\0')
        attempt_note("%ld", result);
}

static int race_in_child(void *argument)
{
    const struct race *race = argument;
    unsigned least = sweeps_are_quick ? QUICK_CALLS : CALLS, seen[2] = { 0, 0 };
    pthread_t thread;
    signals_reset();
    memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + PAGE, PAGE, PROT_NONE);
    told = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || told == MAP_FAILED)
        fail("mmap");
    race->prepare();
    if (pthread_create(&thread, NULL, flip, NULL) != 0)
        return 2;
    uint64_t begin = clock_ns();
    for (unsigned i = 0; i < least || seen[0] == 0 || seen[1] == 0; i++) {
        long result = race->call();
        bool is_good = race->is_good(result);
        if (!is_good && !race->is_refused(result))
            return note_wrong(result), 1;
        seen[is_good]++;
        if (clock_ns() - begin > LIMIT_NS)
            return attempt_note("%u calls: %u good, %u refused", i, seen[1], seen[0]);
        if (i % 16 == 0)
            sched_yield();
    }
    stop = true;
    pthread_join(thread, NULL);
    unlink(GARBAGE);
    _exit(0);
}

static int run(const struct attempt *attempt)
{
    bool timed_out;
    pid_t pid = child_start(race_in_child, (void *)attempt->argument);
    int status = child_wait_limited(pid, 2ul * LIMIT_NS, &timed_out);
    if (timed_out)
        return attempt_note("hung");
    return status == 0 || record->note[0] != '\0' ? status != 0
                                                  : attempt_note("status %#x", status);
}

#define RACE(label, ...)                                                                           \
    {                                                                                              \
        .name = label, .run = run, .argument = &(const struct race)                                \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
static const struct attempt attempts[] = {
    RACE("writev-base", call_writev, prepare_vector, is_whole, is_fault),
    RACE("writev-length", call_writev, prepare_length, is_whole, is_fault_or_invalid),
    RACE("readv-base", call_readv, prepare_vector, is_whole, is_fault),
    RACE("openat-path", call_openat, prepare_path, is_done, is_fault),
    RACE("openat-length", call_openat_long, prepare_long_path, is_done, is_nothing),
    RACE("execve-argv", call_execve, prepare_words, is_no_program, is_fault),
    RACE("execve-envp", call_execve_environment, prepare_words, is_no_program, is_fault),
    RACE("pselect6-set", call_pselect, prepare_set, is_done, is_fault),
    RACE("clone3-stack", call_clone, prepare_clone_stack, is_done, is_right_refusal_of_clone),
    RACE("clone3-tls", call_clone, prepare_clone_tls, is_done, is_right_refusal_of_clone),
    RACE("clone3-flags", call_clone, prepare_clone_flags, is_done, is_right_refusal_of_clone),
};
GROUP(races, "pointers and lengths that change while the kernel reads them", attempts);
