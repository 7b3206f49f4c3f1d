// The writing tasks: processes by clone(CLONE_VM), which need no thread library. Everything static
// here is shared by them.
#include "sharers.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE ((size_t)65536)
#define WAIT_LIMIT_NS 20000000000ull // a hang must fail
#define TEST_NS 250000000ull
#define ROUNDS_AT_LEAST 3
#define SPINS_BEFORE_YIELD 2000
#define CALLS_PER_LOOK 4096

struct sharer {
    int number;
    pid_t pid;
    char *stack;
    sigjmp_buf resume;
    _Atomic uint64_t steps; // writes, or rounds of `work`
    _Atomic uint64_t faults;
    _Atomic(volatile uint64_t *) faulted_at; // what it waits for to change; NULL: it does not
};

int sharer_count;
_Atomic(volatile uint64_t *) target;
static struct sharer sharers[SHARER_LIMIT];
static void (*work_of_all)(int number);
static atomic_bool stopping;
static pid_t test_pid;
static int cpu_count;
static _Atomic uint64_t epoch; // of the target: one more each time it is set
static uint64_t end_ns;
static unsigned rounds;

static struct sharer *self_by_stack(const void *local)
{
    for (int i = 0; i < sharer_count; i++) {
        const char *stack = sharers[i].stack;
        if ((const char *)local >= stack && (const char *)local < stack + STACK_SIZE)
            return &sharers[i];
    }
    return NULL;
}

static void resume_after_fault(int signal)
{
    char local;
    struct sharer *self = self_by_stack(&local);
    if (!self)
        _exit(99); // the test itself
    siglongjmp(self->resume, 1);
}

void let_others_run(void)
{
    static _Thread_local unsigned spins;
    if (++spins % SPINS_BEFORE_YIELD == 0)
        sched_yield();
}

// False: told to stop, or the test died over a wrong answer.
static bool is_wanted(void)
{
    static _Atomic unsigned calls;
    return !stopping && (++calls % CALLS_PER_LOOK != 0 || getppid() == test_pid);
}

static void write_words(struct sharer *self)
{
    uint64_t value = 0;
    volatile uint64_t *page;
    while (is_wanted()) {
        page = target;
        if (!page) {
            let_others_run();
            continue;
        }
        page[self->number] = ++value;
        self->steps++;
    }
}

// Stays until the target is set anew.
static void wait_after_fault(struct sharer *self)
{
    uint64_t since = epoch;
    self->faults++;
    while (epoch == since && is_wanted())
        sched_yield();
}

static int sharer_main(void *argument)
{
    struct sharer *self = argument;
    struct sigaction action = { .sa_handler = resume_after_fault, .sa_flags = SA_NODEFER };
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    if (cpu_count > 1)
        pin_to_cpu(1 + self->number % (cpu_count - 1));
    if (sigsetjmp(self->resume, 0))
        wait_after_fault(self);
    if (!work_of_all)
        write_words(self);
    for (; work_of_all && is_wanted(); self->steps++)
        work_of_all(self->number);
    return 0;
}

void sharers_start_with(void (*work)(int number))
{
    cpu_count = (int)sysconf(_SC_NPROCESSORS_ONLN); // of the mask, until it is narrowed
    if (cpu_count > 1)
        pin_to_cpu(0);
    work_of_all = work;
    stopping = false;
    test_pid = getpid();
    target = NULL;
    sharer_count = cpu_count < 2 ? 2 : cpu_count - 1 < SHARER_LIMIT ? cpu_count - 1 : SHARER_LIMIT;
    for (int i = 0; i < sharer_count; i++) {
        sharers[i].number = i;
        sharers[i].stack =
            mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (sharers[i].stack == MAP_FAILED)
            fail("mmap");
    }
    for (int i = 0; i < sharer_count; i++) {
        sharers[i].pid =
            clone(sharer_main, sharers[i].stack + STACK_SIZE, CLONE_VM | SIGCHLD, &sharers[i]);
        if (sharers[i].pid < 0)
            fail("clone");
    }
    end_ns = clock_ns() + TEST_NS;
    rounds = 0;
}

void sharers_start(void)
{
    sharers_start_with(NULL);
}

void sharers_stop(void)
{
    stopping = true;
    for (int i = 0; i < sharer_count; i++) {
        int status = child_wait(sharers[i].pid);
        if (status != 0) {
            char words[64];
            printf("sharer %d: %s\n", i, verdict_words(status, words, sizeof(words)));
            fail("a sharer ended otherwise than asked");
        }
        munmap(sharers[i].stack, STACK_SIZE);
    }
}

// Waits until `reached` is true of each; false when that takes too long.
static bool wait_for_all(bool (*reached)(int number, uint64_t since), const uint64_t since[])
{
    uint64_t limit = clock_ns() + WAIT_LIMIT_NS;
    for (int i = 0; i < sharer_count; i++) {
        for (unsigned spins = 0; !reached(i, since[i]); spins++) {
            if (spins % 4096 == 4095 && clock_ns() > limit)
                return false;
            let_others_run();
        }
    }
    return true;
}

static bool has_stepped(int number, uint64_t since)
{
    return sharers[number].steps > since + 1; // one may have been under way
}

static bool has_faulted(int number, uint64_t since)
{
    return sharers[number].faults > since;
}

static uint64_t faults_before[SHARER_LIMIT];

bool sharers_write_to(volatile uint64_t *page)
{
    uint64_t steps[SHARER_LIMIT];
    for (int i = 0; i < sharer_count; i++) {
        faults_before[i] = sharers[i].faults;
        steps[i] = sharers[i].steps;
    }
    target = page;
    epoch++;
    return wait_for_all(has_stepped, steps);
}

bool sharers_have_faulted(void)
{
    return wait_for_all(has_faulted, faults_before);
}

static bool has_gone_on(int number, uint64_t since)
{
    return has_stepped(number, since) || has_faulted(number, faults_before[number]);
}

bool sharers_went_on(void)
{
    uint64_t steps[SHARER_LIMIT];
    for (int i = 0; i < sharer_count; i++)
        steps[i] = sharers[i].steps;
    return wait_for_all(has_gone_on, steps);
}

uint64_t sharer_faults(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < sharer_count; i++)
        sum += sharers[i].faults;
    return sum;
}

bool round_begins(void)
{
    return rounds++ < ROUNDS_AT_LEAST || clock_ns() < end_ns;
}
