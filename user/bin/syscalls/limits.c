// Limits: what a program may not have is refused with Linux's errno or signal, and the rest is not.
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ul << 20)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

static bool limit_to(int resource, rlim_t value)
{
    struct rlimit limit = { value, RLIM_INFINITY };
    if (resource == RLIMIT_NPROC || resource == RLIMIT_SIGPENDING)
        limit.rlim_max = value;
    return setrlimit(resource, &limit) == 0;
}

static void *map(size_t size, int protection, int flags)
{
    return mmap(NULL, size, protection, flags, -1, 0);
}

// Touches this much stack, a page at a time; the compiler must not see that nobody reads it.
static __attribute__((noinline)) int use_stack(void *bytes)
{
    char frame[PAGE];
    int result = 0;
    frame[0] = 1;
    __asm__ volatile("" : : "r"(frame) : "memory");
    if ((size_t)bytes > PAGE)
        result = use_stack((void *)((size_t)bytes - PAGE));
    __asm__ volatile("" : : "r"(frame) : "memory");
    return result;
}

static bool move_break(long bytes)
{
    long start = syscall(SYS_brk, 0);
    return syscall(SYS_brk, start + bytes) == start + bytes;
}

static bool test_memory_limit(void)
{
    EXPECT(limit_to(RLIMIT_AS, 64 * MIB));
    EXPECT_ERROR(map(128 * MIB, PROT_READ | PROT_WRITE, PRIVATE), ENOMEM);
    EXPECT_ERROR(map(128 * MIB, PROT_NONE, PRIVATE | MAP_NORESERVE), ENOMEM);
    EXPECT_ERROR(map(128 * MIB, PROT_READ, MAP_SHARED | MAP_ANONYMOUS), ENOMEM);
    char *memory = map(32 * MIB, PROT_READ | PROT_WRITE, PRIVATE);
    EXPECT(memory != MAP_FAILED);
    EXPECT_ERROR(mremap(memory, 32 * MIB, 80 * MIB, MREMAP_MAYMOVE), ENOMEM);
    EXPECT(!move_break(48 * MIB) && move_break(MIB));
    memory[32 * MIB - 1] = 1; // what it has stays
    EXPECT(munmap(memory, 32 * MIB) == 0);
    EXPECT(map(48 * MIB, PROT_READ, PRIVATE) != MAP_FAILED); // what it gave back counts no more
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(7 * MIB))) == 0);
    EXPECT(map(8 * MIB, PROT_READ, PRIVATE) != MAP_FAILED);
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(7 * MIB))) == SIGSEGV); // its stack counts, too
    return true;
}

static bool test_data_limit(void)
{
    EXPECT(limit_to(RLIMIT_DATA, 16 * MIB));
    EXPECT_ERROR(map(32 * MIB, PROT_READ | PROT_WRITE, PRIVATE), ENOMEM);
    EXPECT(!move_break(32 * MIB) && move_break(PAGE));
    EXPECT(map(32 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS) != MAP_FAILED);
    char *memory = map(32 * MIB, PROT_READ, PRIVATE);
    EXPECT(memory != MAP_FAILED);
    EXPECT_ERROR(mprotect(memory, 32 * MIB, PROT_READ | PROT_WRITE), ENOMEM);
    EXPECT(mprotect(memory, 8 * MIB, PROT_READ | PROT_WRITE) == 0);
    EXPECT_ERROR(map(12 * MIB, PROT_READ | PROT_WRITE, PRIVATE), ENOMEM);
    memory[0] = 1;
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(7 * MIB))) == 0); // the stack is no data
    return true;
}

static bool test_stack_limit(void)
{
    EXPECT(limit_to(RLIMIT_STACK, MIB));
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(MIB / 2))) == 0);
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(2 * MIB))) == SIGSEGV);
    EXPECT(limit_to(RLIMIT_STACK, 4 * MIB));
    EXPECT(WTERMSIG(child_run(use_stack, (void *)(2 * MIB))) == 0);
    return true;
}

static bool test_process_limit(void)
{
    if (!kernel_is_ringfence())
        return true; // root has none there
    EXPECT(limit_to(RLIMIT_NPROC, 1));
    EXPECT_ERROR(fork(), EAGAIN);
    EXPECT_ERROR(vfork(), EAGAIN);
    return true;
}

static int report_limits(void *unused)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != 100 * MIB;
}

static bool test_limits_are_inherited(void)
{
    char *const shell[] = { "/bin/busybox", "sh", "-c", "test $(ulimit -v) = 102400", NULL };
    EXPECT(limit_to(RLIMIT_AS, 100 * MIB));
    EXPECT(child_run(report_limits, NULL) == 0);
    EXPECT(child_wait(program_start(shell)) == 0);
    return true;
}

int map_what_is_too_much(void)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1)
        return 2;
    return map(256 * MIB, PROT_NONE, PRIVATE) == MAP_FAILED && errno == ENOMEM ? 0 : 1;
}

// Executes that after it has told by the one pipe; its input is the other.
static int tell_and_execute(void *argument)
{
    int(*pipes)[2] = argument;
    if (dup2(pipes[1][0], STDIN_FILENO) < 0 || write(pipes[0][1], "", 1) != 1)
        return 2;
    program_become((char *[]){ "/proc/self/exe", "--map", NULL });
}

static bool limit_while_it_executes(uint64_t delay_ns)
{
    const struct rlimit limit = { 128 * MIB, RLIM_INFINITY };
    int pipes[2][2];
    char byte;
    EXPECT(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
    pid_t child = child_start(tell_and_execute, pipes);
    EXPECT(read(pipes[0][0], &byte, 1) == 1);
    uint64_t begin_ns = clock_ns();
    while (clock_ns() - begin_ns < delay_ns)
        ;
    EXPECT(prlimit(child, RLIMIT_AS, &limit, NULL) == 0 && write(pipes[1][1], "", 1) == 1);
    EXPECT(child_wait(child) == 0);
    for (int i = 0; i < 4; i++)
        close(pipes[i / 2][i % 2]);
    return true;
}

// Whether the old program or the new one has it first, the new one is bound by it.
static bool test_limit_of_another_in_exec(void)
{
    for (uint64_t delay_ns = 0; delay_ns < 1500000; delay_ns += 30000)
        EXPECT(limit_while_it_executes(delay_ns));
    return true;
}

static bool test_limit_in_vfork(void)
{
    static struct rlimit limit = { 64 * MIB, RLIM_INFINITY };
    pid_t child = vfork();
    if (child == 0)
        _exit(setrlimit(RLIMIT_AS, &limit));
    EXPECT(child_wait(child) == 0);
    EXPECT(map(128 * MIB, PROT_NONE, PRIVATE) != MAP_FAILED); // it was the child's alone
    return true;
}

const struct test limit_tests[] = {
    { "memory-limit", test_memory_limit },
    { "data-limit", test_data_limit },
    { "stack-limit", test_stack_limit },
    { "process-limit", test_process_limit },
    { "limits-are-inherited", test_limits_are_inherited },
    { "limit-of-another-in-exec", test_limit_of_another_in_exec },
    { "limit-in-vfork", test_limit_in_vfork },
};
const size_t limit_test_count = COUNT_OF(limit_tests);
