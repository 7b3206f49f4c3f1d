// Memory that goes away in mid-call: one thread makes the call with all its pointers into a page
// that the other unmaps and maps again, protects and opens again. The page comes from a file, so
// that what is in it is always right. Invariant: the call does what it usually does or says EFAULT,
// and goes on until both were seen.
#include "args.h"
#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_PATH "/tmp/escape-arguments-page"
#define ROOM 512u
#define CALLS 200u
#define TIME_NS 40000000u
#define QUICK_TIME_NS 2000000u
#define LIMIT_NS 20000000000u // neither seen: hung

struct job {
    const struct call *call;
    const struct setup *setup;
    long most;        // that it may return
    bool is_followed; // so EFAULT must be seen
};

// Of all the processes of a row: a program that is replaced says nothing more.
struct tally {
    unsigned calls, faults, good;
    long wrong;
    bool is_complete;
};
static volatile struct tally *tally;
static char *page;
static int page_file;
static volatile bool stop;

static void map_page(void)
{
    if (mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, page_file, 0) != page)
        _exit(4);
}

static void *revoke(void *unused)
{
    while (!stop) {
        munmap(page, PAGE);
        sched_yield();
        map_page();
        sched_yield();
        mprotect(page, PAGE, PROT_READ);
        sched_yield();
        mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        sched_yield();
    }
    return NULL;
}

static bool value_is_expected(const struct job *job, long value)
{
    const struct setup *setup = job->setup;
    if (setup_is_missing(setup))
        return value == -setup->missing;
    if (setup->refuses)
        return value == -setup->refuses;
    if (!kernel_is_ringfence() && value == -EPERM)
        return true; // not root
    return value >= 0 && value <= job->most;
}

static void count_value(const struct job *job, long value)
{
    tally->calls++;
    if (value == -EFAULT && !setup_is_missing(job->setup)) {
        tally->faults++;
    } else if (value == -EINTR && job->setup->refuses != EINTR) {
        return; // SIGALRM came
    } else if (value_is_expected(job, value)) {
        tally->good++;
    } else {
        tally->wrong = value;
        _exit(3);
    }
}

static bool is_enough(const struct job *job, uint64_t begin)
{
    uint64_t took = clock_ns() - begin;
    if (took > LIMIT_NS)
        return true;
    if (tally->good == 0 || (job->is_followed && tally->faults == 0))
        return false;
    return tally->calls >= CALLS || took > (sweeps_are_quick ? QUICK_TIME_NS : TIME_NS);
}

static void prepare_page(const struct job *job, uint64_t values[ARGUMENT_COUNT])
{
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    case_fill(job->call, job->setup, page, ROOM, values);
    page_file = fcntl(open(PAGE_PATH, O_CREAT | O_TRUNC | O_RDWR, 0600), F_DUPFD, 50);
    if (page == MAP_FAILED || write(page_file, page, PAGE) != (ssize_t)PAGE)
        _exit(4);
    map_page();
}

static long most_bytes(const struct call *call, const uint64_t values[ARGUMENT_COUNT])
{
    for (unsigned i = 1; i < call->count; i++) {
        if (call->kinds[i - 1] == BUFFER_IN || call->kinds[i - 1] == BUFFER_OUT)
            return (long)values[i];
        if (call->kinds[i - 1] == VECTOR)
            return 64;
    }
    return INT64_MAX;
}

static int call_again_and_again(void *argument)
{
    struct job *job = argument;
    uint64_t values[ARGUMENT_COUNT];
    pthread_t thread;
    case_prepare(job->setup);
    prepare_page(job, values);
    job->most = most_bytes(job->call, values);
    if (pthread_create(&thread, NULL, revoke, NULL) != 0)
        return 4;
    for (uint64_t begin = clock_ns(); !is_enough(job, begin);) {
        case_renew(job->setup);
        count_value(job, case_call(job->call->number, values));
        sched_yield();
    }
    tally->is_complete = true;
    stop = true;
    _exit(0);
}

// Once more where the program was replaced: that is a success of execve.
static int run_job(struct job *job)
{
    int status;
    bool timed_out;
    memset((void *)tally, 0, sizeof(*tally));
    uint64_t begin = clock_ns();
    do {
        pid_t pid = child_start(call_again_and_again, job);
        status = child_wait_limited(pid, 2ul * LIMIT_NS, &timed_out);
        if (timed_out)
            return attempt_note("hung after %u calls", tally->calls);
        if (status != 0 && WIFEXITED(status) && WEXITSTATUS(status) == 3)
            return attempt_note("%ld", tally->wrong);
        if (!tally->is_complete && program_was_replaced(job->call, status))
            tally->calls++, tally->good++;
        else if (status != 0)
            return attempt_note("status %#x", status);
    } while (!tally->is_complete && !is_enough(job, begin));
    if (tally->good == 0 || (job->is_followed && tally->faults == 0))
        return attempt_note("%u calls: %u good, %u EFAULT", tally->calls, tally->good,
                            tally->faults);
    return 0;
}

int revoke_run(const struct call *call)
{
    struct job job = { .call = call };
    int result = 0;
    tally = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tally == MAP_FAILED)
        fail("mmap");
    for (size_t i = 0; result == 0 && (job.setup = setup_at(call->number, i)) != NULL; i++) {
        job.is_followed = false;
        for (unsigned k = 0; k < call->count && !setup_may_be_empty(job.setup); k++)
            job.is_followed |=
                pointer_is_followed(call, job.setup, k) && !(job.setup->given & ARGUMENT(k));
        result = run_job(&job);
    }
    unlink(PAGE_PATH);
    return result;
}
