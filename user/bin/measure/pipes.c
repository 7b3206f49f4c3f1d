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

// Of the pipe that a process reads from, or writes to; -1 when it is closed.
static int first_from = -1, first_to = -1;     // this process's, member 0
static int last_to = -1;                       // the last member's, until it is there
static int from = -1, to = -1, next_from = -1; // the member's that is being made
static pid_t members[RING_LIMIT];
static unsigned member_count; // with member 0

static void close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static bool make_pipe(int *read_end, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        row_failed("pipe2");
        return false;
    }
    *read_end = ends[0];
    *write_end = ends[1];
    return true;
}

// Holds its own two ends alone, so that the end of one member is the end of all.
static void pass_on(void *unused)
{
    char token;
    close_end(&first_from);
    close_end(&first_to);
    close_end(&last_to);
    close_end(&next_from);
    while (call3(SYS_read, from, (long)&token, 1) == 1 &&
           call3(SYS_write, to, (long)&token, 1) == 1)
        ;
}

static bool add_member(bool is_last)
{
    if (is_last) {
        to = last_to;
        last_to = -1;
    } else if (!make_pipe(&next_from, &to)) {
        return false;
    }
    members[member_count] = helper_start(pass_on, NULL);
    if (members[member_count] < 0)
        return false;
    member_count++;
    close_end(&to);
    close_end(&from);
    from = next_from;
    next_from = -1;
    return true;
}

void ring_prepare(const struct row *row)
{
    member_count = 1;
    if (!make_pipe(&first_from, &last_to) || !make_pipe(&from, &first_to))
        return;
    while (member_count < row->processes && add_member(member_count + 1 == row->processes))
        ;
}

uint64_t ring_laps(long count)
{
    char token = 0;
    long bytes = 0; // an error makes it too small
    uint64_t cycles = TIMED(count, bytes += call3(SYS_write, first_to, (long)&token, 1),
                            bytes += call3(SYS_read, first_from, (long)&token, 1));
    return bytes != 2 * count ? row_failed("the token was lost") : cycles;
}

void ring_finish(void)
{
    while (member_count > 1)
        helper_stop(members[--member_count]);
    close_end(&first_from);
    close_end(&first_to);
    close_end(&last_to);
    close_end(&from);
    close_end(&to);
    close_end(&next_from);
}

static int drain_end = -1, flood_end = -1;
static char *block; // the reader has a copy of its own
static pid_t drain;

static void read_blocks(void *unused)
{
    close_end(&flood_end);
    while (call3(SYS_read, drain_end, (long)block, BLOCK_SIZE) > 0)
        ;
}

void flood_prepare(const struct row *row)
{
    block = mmap(NULL, BLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        row_failed("mmap");
    else if (make_pipe(&drain_end, &flood_end))
        drain = helper_start(read_blocks, NULL);
}

// What the reader has not read yet at the end is read in the next sample.
uint64_t flood(long count)
{
    long bytes = 0;
    uint64_t cycles = TIMED(count, bytes += call3(SYS_write, flood_end, (long)block, BLOCK_SIZE));
    return bytes != count * BLOCK_SIZE ? row_failed("write") : cycles;
}

void flood_finish(void)
{
    helper_stop(drain);
    drain = 0;
    close_end(&drain_end);
    close_end(&flood_end);
    if (block != MAP_FAILED)
        munmap(block, BLOCK_SIZE);
}
