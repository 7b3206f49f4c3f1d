// Pipes: capacity, atomic writes, slots, ends of file, blocking and waking, SIGPIPE.
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 65536
#define DEATH(signal) (signal)

static char block[2 * CAPACITY];

static bool test_basics(void)
{
    int ends[2];
    struct stat status;
    EXPECT(pipe(ends) == 0 && ends[0] == 3 && ends[1] == 4);
    EXPECT(write(ends[1], "message", 7) == 7);
    EXPECT(read(ends[0], block, 3) == 3 && read(ends[0], block + 3, 100) == 4);
    EXPECT(memcmp(block, "message", 7) == 0);
    EXPECT_ERROR(write(ends[0], "x", 1), EBADF);
    EXPECT_ERROR(read(ends[1], block, 1), EBADF);
    EXPECT_ERROR(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    EXPECT_ERROR(pread(ends[0], block, 1, 0), ESPIPE);
    EXPECT_ERROR(pwrite(ends[1], block, 1, 0), ESPIPE);
    EXPECT(fstat(ends[0], &status) == 0 && S_ISFIFO(status.st_mode));
    EXPECT(write(ends[1], "rest", 4) == 4 && close(ends[1]) == 0);
    EXPECT(read(ends[0], block, 100) == 4 && read(ends[0], block, 100) == 0); // then the end
    EXPECT(close(ends[0]) == 0);
    EXPECT(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
    EXPECT_ERROR(read(ends[0], block, 1), EAGAIN);
    EXPECT_ERROR(pipe2(ends, 0x7f), EINVAL);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    EXPECT_ERROR(syscall(SYS_pipe2, (void *)8, 0), EFAULT);
    EXPECT(pipe(ends) == 0 && ends[0] == 3 && ends[1] == 4); // the others are gone
    return true;
}

static bool test_capacity(void)
{
    int ends[2];
    EXPECT(pipe2(ends, O_NONBLOCK) == 0);
    EXPECT(write(ends[1], block, 100000) == CAPACITY);
    EXPECT_ERROR(write(ends[1], block, 1), EAGAIN);
    EXPECT(read(ends[0], block, 100) == 100);
    EXPECT_ERROR(write(ends[1], block, 1), EAGAIN); // the slot is not empty yet
    EXPECT(read(ends[0], block, 4000) == 4000);
    EXPECT(write(ends[1], block, 4096) == 4096); // one slot
    EXPECT_ERROR(write(ends[1], block, 1), EAGAIN);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    int count = 0;
    EXPECT(pipe2(ends, O_NONBLOCK) == 0);
    while (write(ends[1], "1", 1) == 1)
        count++;
    EXPECT(count == CAPACITY);
    return true;
}

static int write_to_nobody(void *fd)
{
    return write(*(int *)fd, "x", 1) == 1;
}

static bool test_no_reader(void)
{
    int ends[2];
    EXPECT(pipe(ends) == 0 && close(ends[0]) == 0);
    EXPECT(child_run(write_to_nobody, &ends[1]) == DEATH(SIGPIPE));
    return true;
}

static int reader(void *argument)
{
    int *ends = argument;
    close(ends[1]);
    char piece[1000];
    long total = 0, got;
    while ((got = read(ends[0], piece, sizeof(piece))) > 0) {
        for (long i = 0; i < got; i++)
            if (piece[i] != (char)((total + i) * 13))
                return 2;
        total += got;
    }
    return total != 5 * CAPACITY;
}

// More than fits, written and read in odd pieces, with both sides blocking in turn.
static bool test_stream(void)
{
    int ends[2];
    static char data[5 * CAPACITY];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 13);
    EXPECT(pipe(ends) == 0);
    pid_t pid = child_start(reader, ends);
    EXPECT(close(ends[0]) == 0);
    for (size_t at = 0; at < sizeof(data);) {
        size_t piece = at % 3001 + 1;
        piece = piece > sizeof(data) - at ? sizeof(data) - at : piece;
        EXPECT(write(ends[1], data + at, piece) == (ssize_t)piece);
        at += piece;
    }
    EXPECT(close(ends[1]) == 0);
    return child_wait(pid) == 0;
}

static int write_lines(void *argument)
{
    int *ends = argument;
    char line[100];
    memset(line, 'a' + getpid() % 26, sizeof(line));
    for (int i = 0; i < 200; i++)
        if (write(ends[1], line, sizeof(line)) != sizeof(line))
            return 1;
    return 0;
}

// Writes of up to 4096 bytes are not torn, though three writers share the pipe.
static bool test_atomic_writes(void)
{
    int ends[2];
    char line[100];
    pid_t pids[3];
    EXPECT(pipe(ends) == 0);
    for (int i = 0; i < 3; i++)
        pids[i] = child_start(write_lines, ends);
    EXPECT(close(ends[1]) == 0);
    int lines = 0;
    for (;;) {
        size_t have = 0;
        ssize_t got;
        while (have < sizeof(line) && (got = read(ends[0], line + have, sizeof(line) - have)) > 0)
            have += (size_t)got;
        if (have == 0)
            break;
        EXPECT(have == sizeof(line));
        for (size_t i = 1; i < sizeof(line); i++)
            EXPECT(line[i] == line[0]);
        lines++;
    }
    EXPECT(lines == 600);
    for (int i = 0; i < 3; i++)
        EXPECT(child_wait(pids[i]) == 0);
    return true;
}

static int read_end(void *argument)
{
    int *ends = argument;
    char byte;
    close(ends[1]);
    return read(ends[0], &byte, 1) != 0;
}

// A reader that sleeps wakes when the last writer goes, also when that one is killed.
static bool test_writer_dies(void)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t blocked = child_start(read_end, ends), writer = fork();
    if (writer == 0)
        for (;;)
            sleep_ns(1000000000);
    EXPECT(close(ends[1]) == 0 && close(ends[0]) == 0);
    sleep_ns(2000000);
    EXPECT(kill(writer, SIGKILL) == 0 && child_wait(writer) == DEATH(SIGKILL));
    return child_wait(blocked) == 0;
}

static int fill_until_broken(void *argument)
{
    int *ends = argument;
    close(ends[0]);
    while (write(ends[1], block, 5000) > 0)
        ;
    return 0;
}

// A writer that sleeps because the pipe is full gets SIGPIPE when the reader goes.
static bool test_reader_leaves(void)
{
    int ends[2];
    EXPECT(pipe(ends) == 0);
    pid_t writer = child_start(fill_until_broken, ends);
    EXPECT(close(ends[1]) == 0);
    sleep_ns(5000000);
    EXPECT(read(ends[0], block, 100) == 100);
    EXPECT(close(ends[0]) == 0);
    return child_wait(writer) == DEATH(SIGPIPE);
}

const struct test pipe_tests[] = {
    { "pipe-basics", test_basics },
    { "pipe-capacity", test_capacity },
    { "pipe-no-reader", test_no_reader },
    { "pipe-stream", test_stream },
    { "pipe-atomic-writes", test_atomic_writes },
    { "pipe-writer-dies", test_writer_dies },
    { "pipe-reader-leaves", test_reader_leaves },
};
const size_t pipe_test_count = COUNT_OF(pipe_tests);
