// The rows about pipes between processes: a token that goes round, and bytes in bulk.
// Called through rows.c. Every process runs on the one CPU that main.c chose.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

#define RING_LIMIT 96
#define BLOCK_SIZE 65536

struct member {
    int from, to;
};

static int ring[RING_LIMIT][2]; // member i reads from pipe i and writes to the next
static pid_t members[RING_LIMIT];
static unsigned ring_size, pipe_count;

static void pass_on(void *argument)
{
    struct member *member = argument;
    char token;
    while (call3(SYS_read, member->from, (long)&token, 1) == 1 &&
           call3(SYS_write, member->to, (long)&token, 1) == 1)
        ;
}

void ring_prepare(const struct row *row)
{
    ring_size = row->processes;
    for (pipe_count = 0; pipe_count < ring_size; pipe_count++)
        if (pipe2(ring[pipe_count], O_CLOEXEC) != 0) {
            row_failed("pipe2");
            return;
        }
    for (unsigned i = 1; i < ring_size; i++) {
        struct member member = { ring[i][0], ring[(i + 1) % ring_size][1] };
        members[i] = helper_start(pass_on, &member);
        if (members[i] < 0)
            return;
    }
}

uint64_t ring_laps(long count)
{
    char token = 0;
    long every = 1;
    int to = ring[1][1], from = ring[0][0];
    uint64_t cycles = TIMED(count, every |= call3(SYS_write, to, (long)&token, 1),
                            every |= call3(SYS_read, from, (long)&token, 1));
    return every != 1 ? row_failed_call("write or read", every) : cycles;
}

void ring_finish(void)
{
    for (unsigned i = 1; i < ring_size; i++) {
        helper_stop(members[i]);
        members[i] = 0;
    }
    for (unsigned i = 0; i < pipe_count; i++) {
        close(ring[i][0]);
        close(ring[i][1]);
    }
    ring_size = pipe_count = 0;
}

static int flood_ends[2] = { -1, -1 };
static char *block; // the reader has a copy of its own
static pid_t drain;

static void read_blocks(void *unused)
{
    while (call3(SYS_read, flood_ends[0], (long)block, BLOCK_SIZE) > 0)
        ;
}

void flood_prepare(const struct row *row)
{
    block = mmap(NULL, BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED || pipe2(flood_ends, O_CLOEXEC) != 0)
        row_failed("mmap or pipe2");
    else
        drain = helper_start(read_blocks, NULL);
}

// What the reader has not read yet at the end is read in the next sample.
uint64_t flood(long count)
{
    long every = BLOCK_SIZE;
    uint64_t cycles =
        TIMED(count, every |= call3(SYS_write, flood_ends[1], (long)block, BLOCK_SIZE));
    return every != BLOCK_SIZE ? row_failed_call("write", every) : cycles;
}

void flood_finish(void)
{
    helper_stop(drain);
    drain = 0;
    for (int i = 0; i < 2; i++) {
        close(flood_ends[i]);
        flood_ends[i] = -1;
    }
    if (block != MAP_FAILED)
        munmap(block, BLOCK_SIZE);
}
