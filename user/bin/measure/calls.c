// The rows about calls that return at once, and about giving way. Called through rows.c.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

#define YIELDS_UNASKED (1 << 20)
#define UNKNOWN_CALL 1000 // as on Linux: no call has this number

static int read_end = -1, write_end = -1;

uint64_t null_call(long count)
{
    return TIMED(count, call0(SYS_getppid));
}

uint64_t unknown_call(long count)
{
    return TIMED(count, call0(UNKNOWN_CALL));
}

void zero_prepare(const struct row *row)
{
    read_end = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (read_end < 0)
        row_failed("/dev/zero");
}

void null_prepare(const struct row *row)
{
    write_end = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (write_end < 0)
        row_failed("/dev/null");
}

void pipe_prepare(const struct row *row)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        row_failed("pipe2");
        return;
    }
    read_end = ends[0];
    write_end = ends[1];
}

void descriptors_finish(void)
{
    close(read_end);
    close(write_end);
    read_end = write_end = -1;
}

uint64_t empty_read(long count)
{
    char byte;
    long every = 0;
    uint64_t cycles = TIMED(count, every |= call3(SYS_read, read_end, (long)&byte, 0));
    return every ? row_failed_call("read", every) : cycles;
}

uint64_t byte_write(long count)
{
    char byte = 0;
    long bytes = 0; // an error makes it too small
    uint64_t cycles = TIMED(count, bytes += call3(SYS_write, write_end, (long)&byte, 1));
    return bytes != count ? row_failed("write") : cycles;
}

uint64_t byte_through_pipe(long count)
{
    char byte = 0;
    long bytes = 0;
    uint64_t cycles = TIMED(count, bytes += call3(SYS_write, write_end, (long)&byte, 1),
                            bytes += call3(SYS_read, read_end, (long)&byte, 1));
    return bytes != 2 * count ? row_failed("write or read") : cycles;
}

uint64_t yield_alone(long count)
{
    return TIMED(count, call0(SYS_sched_yield));
}

// Both count their yields: a yield need not reach the other process.
struct yields {
    volatile long others;
};

static struct yields *yields;
static pid_t yielder;

static void yield_always(void *unused)
{
    while (++yields->others % YIELDS_UNASKED || !helper_is_orphan())
        call0(SYS_sched_yield);
}

void yield_prepare(const struct row *row)
{
    yields = memory_shared(sizeof(*yields));
    if (yields)
        yielder = helper_start(yield_always, NULL);
}

uint64_t yield_two(long count)
{
    long before = yields->others;
    uint64_t cycles = TIMED(count, call0(SYS_sched_yield));
    return cycles * (uint64_t)count / (uint64_t)(count + yields->others - before);
}

void yield_finish(void)
{
    helper_stop(yielder);
    if (yields)
        munmap(yields, sizeof(*yields));
    yields = NULL;
    yielder = 0;
}
