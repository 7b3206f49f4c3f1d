// Memory that goes away in mid-call: one thread makes the call with all its pointers into a page
// that the other unmaps and maps again, protects and opens again.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 200u
#define TIME_NS 40000000u

static char *page;
static volatile bool stop;

static void *revoke(void *unused)
{
    while (!stop) {
        munmap(page, PAGE);
        sched_yield();
        mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        page[PAGE / 2] = 'x';
        sched_yield();
        mprotect(page, PAGE, PROT_READ);
        sched_yield();
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        sched_yield();
    }
    return NULL;
}

// Those that would take the page, or the process, away for good.
static bool is_left_out(uint16_t number)
{
    return number == SYS_munmap || number == SYS_mmap || number == SYS_mremap ||
           number == SYS_mprotect || number == SYS_rseq || number == SYS_clone ||
           number == SYS_clone3 || number == SYS_madvise || number == SYS_sethostname ||
           number == SYS_set_robust_list || number == SYS_set_tid_address;
}

struct job {
    const struct call *call;
    const struct setup *setup;
};

static int call_again_and_again(void *argument)
{
    const struct job *job = argument;
    uint64_t values[ARGUMENT_COUNT];
    pthread_t thread;
    case_prepare(job->call, job->setup, values);
    for (unsigned i = 0; i < ARGUMENT_COUNT; i++) {
        if (kind_is_pointer(job->call->kinds[i]) && !(job->setup->given >> i & 1))
            values[i] = (uint64_t)page + i * 512;
    }
    if (pthread_create(&thread, NULL, revoke, NULL) != 0)
        return 2;
    uint64_t end = clock_ns() + TIME_NS;
    for (unsigned i = 0; i < CALLS && clock_ns() < end; i++) {
        case_call(job->call->number, values);
        sched_yield();
    }
    stop = true;
    _exit(0);
}

int revoke_run(const struct call *call)
{
    struct job job = { .call = call };
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is_left_out(call->number) || (sweeps_are_quick && call->number % 8 != 0))
        return 0;
    for (size_t i = 0; (job.setup = setup_at(call->number, i)) != NULL; i++) {
        int status = child_run(call_again_and_again, &job);
        bool replaced = call->number == SYS_execve && WIFEXITED(status);
        if (status != 0 && !replaced)
            return attempt_note("status %#x", status);
    }
    return 0;
}
