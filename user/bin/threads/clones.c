// clone and clone3 themselves: numbers, words that are set and cleared, combinations refused.
#include "check.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL_OF_A_THREAD                                                                            \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

#define CLONE_OF_3 435 // the number of clone3
struct clone_request {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};

static char stack[65536] __attribute__((aligned(16)));
static atomic_int parent_word, child_word, seen_tid, seen_pid;

// No C library here: the thread has no storage of its own.
static long raw_call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

__attribute__((used, noreturn)) static void raw_thread(void)
{
    seen_tid = (int)raw_call(SYS_gettid, 0, 0, 0, 0);
    seen_pid = (int)raw_call(SYS_getpid, 0, 0, 0, 0);
    raw_call(SYS_exit, 0, 0, 0, 0);
    __builtin_unreachable();
}

// clone or clone3: `a` to `d` are the arguments; the child goes on in raw_thread.
static long raw_clone(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall\n"
                     "test %%rax, %%rax\n"
                     "jnz 1f\n"
                     "call raw_thread\n"
                     "1:"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

static void await_clear(atomic_int *word)
{
    int value;
    while ((value = *word) != 0)
        syscall(SYS_futex, word, 0, value, NULL, NULL, 0);
}

static bool test_words(void)
{
    child_word = -1;
    long tid =
        raw_clone(SYS_clone,
                  ALL_OF_A_THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
                  (long)(stack + sizeof(stack)), (long)&parent_word, (long)&child_word);
    EXPECT(tid > 0 && parent_word == tid);
    while (child_word == -1)
        sched_yield();
    await_clear(&child_word); // zeroed at the end, and we are woken
    EXPECT(seen_tid == tid && seen_pid == getpid() && tid != getpid());
    return true;
}

static bool test_clone3(void)
{
    struct clone_request arguments = { .flags = ALL_OF_A_THREAD | CLONE_PARENT_SETTID |
                                                CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
                                       .stack = (uintptr_t)stack,
                                       .stack_size = sizeof(stack),
                                       .parent_tid = (uintptr_t)&parent_word,
                                       .child_tid = (uintptr_t)&child_word };
    child_word = -1;
    long tid = raw_clone(CLONE_OF_3, (long)&arguments, sizeof(arguments), 0, 0);
    EXPECT(tid > 0 && parent_word == tid);
    while (child_word == -1)
        sched_yield();
    await_clear(&child_word);
    EXPECT(seen_tid == tid);
    return true;
}

static bool test_clone3_process(void)
{
    struct clone_request arguments = { .exit_signal = SIGCHLD };
    pid_t child = (pid_t)syscall(CLONE_OF_3, &arguments, 64ul);
    if (child == 0)
        _exit(21);
    EXPECT(child > 0);
    int status = child_wait(child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 21);
    return true;
}

static bool test_refused(void)
{
    struct {
        struct clone_request arguments;
        uint64_t beyond;
    } larger = { .arguments = { .exit_signal = SIGCHLD }, .beyond = 1 };
    struct clone_request bad = { .flags = CLONE_DETACHED };
    EXPECT_ERROR(syscall(SYS_clone, CLONE_THREAD, stack, 0, 0, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, stack, 0, 0, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_clone, CLONE_SIGHAND, stack, 0, 0, 0), EINVAL);
    EXPECT_ERROR(syscall(CLONE_OF_3, &larger, sizeof(larger)), E2BIG);
    EXPECT_ERROR(syscall(CLONE_OF_3, &larger, 63ul), EINVAL);
    EXPECT_ERROR(syscall(CLONE_OF_3, &larger, 5000ul), E2BIG);
    EXPECT_ERROR(syscall(CLONE_OF_3, 8ul, 88ul), EFAULT);
    EXPECT_ERROR(syscall(CLONE_OF_3, &bad, sizeof(bad)), EINVAL);
    bad = (struct clone_request){ .stack = (uintptr_t)stack };
    EXPECT_ERROR(syscall(CLONE_OF_3, &bad, sizeof(bad)), EINVAL);
    bad = (struct clone_request){ .stack = 1ull << 63, .stack_size = sizeof(stack) };
    EXPECT_ERROR(syscall(CLONE_OF_3, &bad, sizeof(bad)), EINVAL);
    bad = (struct clone_request){ .exit_signal = 65 };
    EXPECT_ERROR(syscall(CLONE_OF_3, &bad, sizeof(bad)), EINVAL);
    bad = (struct clone_request){ .flags = ALL_OF_A_THREAD, .exit_signal = SIGCHLD };
    EXPECT_ERROR(syscall(CLONE_OF_3, &bad, sizeof(bad)), EINVAL);
    return true;
}

static void *report_tid(void *argument)
{
    return (void *)(intptr_t)own_tid();
}

static bool test_numbers(void)
{
    pid_t tid = (pid_t)(intptr_t)thread_join(thread_begin(report_tid, NULL));
    EXPECT(own_tid() == getpid() && tid != getpid() && tid > 0);
    EXPECT(syscall(SYS_set_tid_address, &child_word) == getpid());
    void *head;
    size_t size = 0;
    EXPECT(syscall(SYS_get_robust_list, 0, &head, &size) == 0 && size == 24);
    EXPECT_ERROR(syscall(SYS_set_robust_list, &head, 23ul), EINVAL);
    EXPECT_ERROR(syscall(SYS_get_robust_list, 32000, &head, &size), ESRCH);
    return true;
}

static void *wait_for_release(void *argument)
{
    atomic_store((atomic_int *)argument, own_tid());
    while (atomic_load((atomic_int *)argument) != 0)
        sched_yield();
    return NULL;
}

// Its process is the caller's own: whoever looked it up must let go of it all the same, which the
// machine's last line tells of.
static bool test_number_for_process(void)
{
    atomic_int tid = 0;
    struct rlimit limit;
    cpu_set_t mask;
    pthread_t thread = thread_begin(wait_for_release, &tid);
    while (tid == 0)
        sched_yield();
    EXPECT(getpgid(tid) == getpgid(0) && getsid(tid) == getsid(0));
    EXPECT(kill(tid, 0) == 0 && syscall(SYS_tkill, tid, 0) == 0);
    EXPECT(syscall(SYS_prlimit64, tid, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_cur > 0);
    EXPECT(getpriority(PRIO_PROCESS, (id_t)tid) == getpriority(PRIO_PROCESS, 0));
    EXPECT(syscall(SYS_sched_getscheduler, tid) == syscall(SYS_sched_getscheduler, 0));
    EXPECT(sched_getaffinity(tid, sizeof(mask), &mask) == 0 && CPU_COUNT(&mask) > 0);
    tid = 0;
    thread_join(thread);
    return true;
}

const struct test clone_tests[] = {
    { "words-of-clone", test_words },
    { "clone3", test_clone3 },
    { "clone3-process", test_clone3_process },
    { "clone-refused", test_refused },
    { "numbers", test_numbers },
    { "number-for-process", test_number_for_process },
};
const size_t clone_test_count = COUNT_OF(clone_tests);
