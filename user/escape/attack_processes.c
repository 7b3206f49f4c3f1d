// Attacks by numbers: processes, threads, memory, stacks, signals.
#include "attack.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define SECOND_NS 1000000000u
#define PROCESSES 24u // more than are there without the attack, with their threads
#define SLEEPERS 1000u
#define SLEEPER_STACK 16384u

static bool limit_to(int resource, rlim_t value)
{
    struct rlimit limit = { value, value };
    return setrlimit(resource, &limit) == 0;
}

static char *map(size_t size)
{
    char *memory = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// Every process forks for as long as it can; what it cannot have is EAGAIN or ENOMEM.
static int fork_for(uint64_t duration_ns)
{
    uint64_t end = clock_ns() + duration_ns;
    while (clock_ns() < end) {
        int pid = attack_fork();
        if (pid == -EAGAIN || pid == -ENOMEM)
            continue;
        if (pid < 0)
            return attack_note("fork: errno %d", -pid);
    }
    return 0;
}

static int fork_bomb(void)
{
    struct rlimit limit = { 512, 512 };
    if (kernel_is_ringfence())
        getrlimit(RLIMIT_NPROC, &limit);
    else
        return 0; // root has no limit there
    attack_competitors((unsigned)limit.rlim_cur);
    return fork_for(60ull * SECOND_NS);
}

static int fork_bomb_with_limit(void)
{
    if (!kernel_is_ringfence())
        return 0;
    if (!limit_to(RLIMIT_NPROC, PROCESSES))
        return attack_note("setrlimit");
    attack_competitors(PROCESSES);
    return fork_for(60ull * SECOND_NS);
}

static unsigned processes_allowed(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NPROC, &limit);
    return limit.rlim_cur < UINT_MAX ? (unsigned)limit.rlim_cur : UINT_MAX;
}

// Zombies keep their numbers: with all taken nobody can be made, and then all come back.
static int zombies(void)
{
    unsigned made = 0;
    int pid;
    if (!kernel_is_ringfence())
        return 0;
    while ((pid = attack_fork()) > 0)
        made++;
    if (pid == 0)
        _exit(0);
    if (pid != -EAGAIN || made + PROCESSES < processes_allowed())
        return attack_note("fork: errno %d after %u", -pid, made);
    for (; made > 0; made--)
        wait(NULL);
    pid = attack_fork();
    if (pid == 0)
        _exit(0);
    return pid < 0 ? attack_note("fork after all have come back: errno %d", -pid) : 0;
}

static int take_memory(void)
{
    for (;;) {
        char *memory = map(16 * MIB);
        if (memory == NULL)
            return 0;
        for (size_t i = 0; i < 16 * MIB; i += PAGE)
            memory[i] = 1;
    }
}

static int memory_hog(void)
{
    return kernel_is_ringfence() ? take_memory() : raise(SIGKILL);
}

// Several at once: each ends by SIGKILL or a refusal, and none takes a bystander along.
static int memory_hogs(void)
{
    const unsigned count = attack_is_quick ? 3 : 12;
    if (!kernel_is_ringfence())
        return 0;
    attack_competitors(count);
    for (unsigned i = 0; i < count; i++) {
        int pid = attack_fork();
        if (pid == 0)
            _exit(take_memory());
    }
    for (int status; wait(&status) > 0;) {
        if (status != 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
            return attack_note("a hog ended with status %#x", status);
    }
    return 0;
}

// A hog that sits on all but little, and a small one that asks next: the large one dies.
static int sit_on_memory(void)
{
    struct sysinfo info;
    for (;;) {
        char *memory = map(MIB);
        sysinfo(&info);
        if (memory == NULL || info.freeram < 4 * MIB)
            break;
        for (size_t i = 0; i < MIB; i += PAGE)
            memory[i] = 1;
    }
    kill(getpid(), SIGSTOP); // seen by who waits for it
    for (;;)
        pause();
}

static int ask_for_memory(void)
{
    char *memory = map(16 * MIB);
    if (memory == NULL)
        return 1;
    for (size_t i = 0; i < 16 * MIB; i += PAGE)
        memory[i] = (char)(i / PAGE);
    for (size_t i = 0; i < 16 * MIB; i += PAGE) {
        if (memory[i] != (char)(i / PAGE))
            return 2;
    }
    return 0;
}

static int memory_hog_that_sits(void)
{
    int status, hog, asker;
    if (!kernel_is_ringfence())
        return 0;
    hog = attack_fork();
    if (hog == 0)
        _exit(sit_on_memory());
    if (waitpid(hog, &status, WUNTRACED) != hog || !WIFSTOPPED(status))
        return attack_note("the hog ended before all was taken, status %#x", status);
    kill(hog, SIGCONT);
    asker = attack_fork();
    if (asker == 0)
        _exit(ask_for_memory());
    if (child_wait(asker) != 0)
        return attack_note("who asked for little did not get it");
    kill(hog, SIGTERM); // which does nothing to who is dead already
    waitpid(hog, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return attack_note("the hog ended with status %#x", status);
    return 0;
}

static volatile unsigned *tables_made;

// One page, moved about: what it leaves behind are page tables.
static int page_table_hog(unsigned tables)
{
    char *place = (char *)0x100000000000;
    for (; *tables_made < tables; ++*tables_made, place += 2 * MIB) {
        if (mmap(place, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            return errno == ENOMEM ? 0 : attack_note("mmap: errno %d", errno);
        *place = 1;
        munmap(place, PAGE);
    }
    return 0;
}

// It ends early only when half of all memory, or more, was in its tables.
static int page_table_hog_in_child(void)
{
    const unsigned tables = attack_is_quick ? 4000 : 200000;
    struct sysinfo info;
    tables_made = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tables_made == MAP_FAILED)
        return attack_note("no shared memory");
    int pid = attack_fork();
    if (pid == 0)
        _exit(page_table_hog(tables));
    int status = child_wait(pid);
    if (status != 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL))
        return attack_note("status %#x", status);
    sysinfo(&info);
    if (*tables_made < tables && *tables_made * PAGE < info.totalram / 2)
        return attack_note("%u tables, status %#x", *tables_made, status);
    return 0;
}

static __attribute__((noinline)) int recurse(unsigned depth)
{
    char frame[512];
    __asm__ volatile("" : : "r"(frame) : "memory");
    int result = depth < UINT_MAX ? recurse(depth + 1) : 0;
    __asm__ volatile("" : : "r"(frame) : "memory");
    return result + 1;
}

static int stack_overflow(void)
{
    return recurse(0);
}

static int stack_overflow_without_limit(void)
{
    limit_to(RLIMIT_STACK, RLIM_INFINITY);
    return kernel_is_ringfence() ? recurse(0) : raise(SIGKILL);
}

static void raise_again(int signal)
{
    raise(signal);
}

static int handlers_without_end(void)
{
    struct sigaction action = { .sa_handler = raise_again, .sa_flags = SA_NODEFER };
    sigaction(SIGUSR1, &action, NULL);
    return raise(SIGUSR1);
}

static void fault_again(int signal)
{
    *(volatile char *)8 = 1;
}

static int faults_in_handlers_without_end(void)
{
    struct sigaction action = { .sa_handler = fault_again, .sa_flags = SA_NODEFER };
    sigaction(SIGSEGV, &action, NULL);
    fault_again(0);
    return 0;
}

static int signal_flood(void)
{
    sigset_t all;
    struct rlimit limit;
    unsigned queued = 0;
    union sigval value = { 0 };
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    while (queued < 1000000 && sigqueue(getpid(), SIGRTMIN, value) == 0)
        queued++;
    getrlimit(RLIMIT_SIGPENDING, &limit);
    if (errno != EAGAIN || (kernel_is_ringfence() && queued + PROCESSES < limit.rlim_cur))
        return attack_note("sigqueue: errno %d after %u", errno, queued);
    for (struct timespec none = { 0, 0 }; queued > 0; queued--) {
        if (sigtimedwait(&all, NULL, &none) != SIGRTMIN)
            return attack_note("%u signals were lost", queued);
    }
    return 0;
}

static atomic_bool all_are_made;

// Once and again until all are there, each by a time of its own.
static void *sleep_long(void *number)
{
    do
        sleep_ns(200000000 + (uintptr_t)number % 97 * 10000000);
    while (!all_are_made);
    return NULL;
}

// A thousand at once; fewer only on machines so small that RLIMIT_NPROC is lower.
static int thousand_sleepers(void)
{
    static pthread_t threads[SLEEPERS];
    const size_t wanted = attack_is_quick ? 100 : SLEEPERS;
    size_t made = 0;
    int error = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SLEEPER_STACK);
    while (made < wanted && error == 0) {
        error = pthread_create(&threads[made], &attributes, sleep_long, (void *)made);
        made += error == 0;
    }
    all_are_made = true;
    for (size_t i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    if (made < wanted && (error != EAGAIN || made + PROCESSES < processes_allowed()))
        return attack_note("pthread_create: errno %d after %zu", error, made);
    return 0;
}

// They are in the kernel when the process ends.
static int sleepers_killed(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SLEEPER_STACK);
    for (unsigned i = 0; i < 200; i++) {
        int error = pthread_create(&thread, &attributes, sleep_long, NULL);
        if (error != 0)
            return attack_note("pthread_create: errno %d after %u", error, i);
    }
    return raise(SIGKILL);
}

static const struct attempt attempts[] = {
    ATTACK("fork-bomb", fork_bomb, .seconds = 3),
    ATTACK("fork-bomb-with-limit", fork_bomb_with_limit, .seconds = 2),
    ATTACK("zombies", zombies),
    ATTACK("memory-hog", memory_hog, .signal = SIGKILL),
    ATTACK("memory-hogs", memory_hogs),
    ATTACK("memory-hog-that-sits", memory_hog_that_sits),
    ATTACK("page-table-hog", page_table_hog_in_child),
    ATTACK("stack-overflow", stack_overflow, .signal = SIGSEGV),
    ATTACK("stack-without-limit", stack_overflow_without_limit, .signal = SIGKILL),
    ATTACK("handlers-without-end", handlers_without_end, .signal = SIGSEGV),
    ATTACK("faults-without-end", faults_in_handlers_without_end, .signal = SIGSEGV),
    ATTACK("signal-flood", signal_flood),
    ATTACK("thousand-sleepers", thousand_sleepers),
    ATTACK("sleepers-killed", sleepers_killed, .signal = SIGKILL),
};
GROUP(attacks, "memory, processes, threads, stacks, signals without end", attempts);
