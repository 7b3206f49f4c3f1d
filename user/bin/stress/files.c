// Files: contents written, read, mapped and cut in one folder by several processes; names made,
// moved and removed by several processes in the same folder.
#include "stress.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE_LIMIT 40000u
#define WORKERS 3
#define NAMES 6

// A file of its own: written in pieces, read back by read and by mmap, cut, grown, and removed
// while open.
static int work_on_file(struct slot *slot, void *argument)
{
    static uint8_t bytes[SIZE_LIMIT], back[SIZE_LIMIT];
    char path[64];
    snprintf(path, sizeof(path), "%s/%d", slot->folder, getpid());
    for (unsigned round = 1 + random_below(slot, 5); round > 0; round--) {
        size_t size = 1 + random_below(slot, SIZE_LIMIT), cut = random_below(slot, (uint32_t)size);
        uint64_t seed = random_next(slot);
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        CHECK(fd >= 0);
        pattern_fill(bytes, size, seed);
        for (size_t done = 0; done < size;) {
            size_t piece = 1 + random_below(slot, 9000);
            piece = piece < size - done ? piece : size - done;
            CHECK(write(fd, bytes + done, piece) == (ssize_t)piece);
            done += piece;
        }
        CHECK(pread(fd, back, sizeof(back), 0) == (ssize_t)size && memcmp(bytes, back, size) == 0);
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CHECK(map != MAP_FAILED && memcmp(map, bytes, size) == 0);
        ((volatile uint8_t *)map)[size - 1] ^= 0x55;
        CHECK(pread(fd, back, 1, (off_t)size - 1) == 1 && back[0] == (bytes[size - 1] ^ 0x55));
        CHECK(munmap(map, size) == 0 && ftruncate(fd, (off_t)cut) == 0);
        CHECK(ftruncate(fd, (off_t)size) == 0);
        CHECK(pread(fd, back, sizeof(back), 0) == (ssize_t)size);
        memset(bytes + cut, 0, size - cut);
        CHECK(memcmp(bytes, back, size) == 0);
        CHECK(unlink(path) == 0 && pread(fd, back, 1, 0) == 1);
        CHECK(close(fd) == 0);
        atomic_fetch_add(&slot->amount, size);
        advance(slot);
    }
    return 0;
}

// Appends records to one file that others append to as well: none may be lost or torn.
static int append_records(struct slot *slot, void *argument)
{
    const char *path = argument;
    uint64_t record[8];
    int fd = open(path, O_WRONLY | O_APPEND);
    CHECK(fd >= 0);
    for (unsigned i = 0; i < 50; i++) {
        for (unsigned j = 0; j < COUNT_OF(record); j++)
            record[j] = (uint64_t)getpid() << 32 | i;
        CHECK(write(fd, record, sizeof(record)) == sizeof(record));
    }
    close(fd);
    return 0;
}

static int check_records(struct slot *slot, const char *path)
{
    uint64_t record[8];
    unsigned count = 0;
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    for (; read(fd, record, sizeof(record)) == sizeof(record); count++) {
        for (unsigned j = 1; j < COUNT_OF(record); j++)
            CHECK(record[j] == record[0]);
    }
    CHECK(count == 50 * WORKERS);
    CHECK(close(fd) == 0 && unlink(path) == 0);
    return 0;
}

int run_files(struct slot *slot)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/common", slot->folder);
    while (goes_on(slot)) {
        pid_t workers[WORKERS], writers[WORKERS];
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        CHECK(fd >= 0 && close(fd) == 0);
        for (unsigned i = 0; i < WORKERS; i++) {
            workers[i] = job_fork(slot, work_on_file, NULL);
            writers[i] = job_fork(slot, append_records, path);
            CHECK(workers[i] >= 0 && writers[i] >= 0);
        }
        for (unsigned i = 0; i < WORKERS; i++)
            CHECK(job_wait(workers[i], 0) && job_wait(writers[i], 0));
        if (check_records(slot, path) != 0)
            return 1;
        advance(slot);
    }
    return 0;
}

static void random_name(struct slot *slot, char name[64])
{
    snprintf(name, 64, "%s/%s%u", slot->folder, random_below(slot, 3) ? "" : "folder/",
             random_below(slot, NAMES));
}

// Whatever others do to the same names, a call succeeds or fails for one of the reasons that their
// acts give it.
static int move_names(struct slot *slot, void *argument)
{
    while (goes_on(slot)) {
        char name[64], other[64];
        struct stat status;
        int result = 0;
        random_name(slot, name);
        random_name(slot, other);
        switch (random_below(slot, 7)) {
        case 0:
            result = open(name, O_RDWR | O_CREAT, 0600);
            if (result >= 0 && fstat(result, &status) == 0)
                close(result);
            break;
        case 1:
            result = rename(name, other);
            break;
        case 2:
            result = link(name, other);
            break;
        case 3:
            result = unlink(name);
            break;
        case 4:
            result = symlink("/proc/self/exe", name);
            break;
        case 5:
            result = stat(name, &status);
            break;
        default:
            result = mkdir(name, 0700);
            if (result == 0)
                result = rmdir(name);
        }
        CHECK(result >= 0 || errno == ENOENT || errno == EEXIST || errno == EISDIR ||
              errno == ENOTDIR || errno == ENOTEMPTY || errno == EPERM || errno == ETXTBSY);
        atomic_fetch_add(&slot->amount, 1);
        advance(slot);
    }
    return 0;
}

// The folder is removed by the supervisor, which sees whether it can be.
int run_names(struct slot *slot)
{
    char folder[64];
    pid_t workers[WORKERS];
    snprintf(folder, sizeof(folder), "%s/folder", slot->folder);
    CHECK(mkdir(folder, 0700) == 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = job_fork(slot, move_names, NULL);
        CHECK(workers[i] >= 0);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        CHECK(job_wait(workers[i], 0));
    return 0;
}
