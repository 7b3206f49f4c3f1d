// The rows about naming files, and the file that others map. Called through rows.c.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

static char path[32];
static int file = -1;

static int create(void)
{
    snprintf(path, sizeof(path), "/tmp/measure.%07d", (int)getpid()); // one length for every pid
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        row_failed(path);
    return fd;
}

int file_create(void)
{
    int fd = create();
    if (fd >= 0)
        unlink(path);
    return fd;
}

void file_prepare(const struct row *row)
{
    file = create();
}

uint64_t open_close(long count)
{
    long every = 0;
    uint64_t cycles = TIMED(count, {
        long fd = call3(SYS_open, (long)path, O_RDONLY, 0);
        every |= fd | call1(SYS_close, fd);
    });
    return every < 0 ? row_failed_call("open or close", every) : cycles;
}

uint64_t file_stat(long count)
{
    struct stat status;
    long every = 0;
    uint64_t cycles = TIMED(count, every |= call2(SYS_stat, (long)path, (long)&status));
    return every ? row_failed_call("stat", every) : cycles;
}

void file_finish(void)
{
    if (file < 0)
        return;
    close(file);
    unlink(path);
    file = -1;
}
