// Regular files: open flags, reading and writing at positions, vectors, seeking, attributes.
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_A SCRATCH "/a"
#define FILE_B SCRATCH "/b"

static bool test_open_flags(void)
{
    int fd = open(FILE_A, O_RDONLY);
    EXPECT(fd == -1 && errno == ENOENT);
    EXPECT((fd = open(FILE_A, O_CREAT | O_EXCL | O_RDWR, 0644)) == 3); // the lowest free number
    EXPECT_ERROR(open(FILE_A, O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
    EXPECT_ERROR(open(FILE_A, O_RDONLY | O_DIRECTORY), ENOTDIR);
    EXPECT_ERROR(open(FILE_A "/x", O_RDONLY), ENOTDIR);
    EXPECT_ERROR(open("/tmp", O_WRONLY), EISDIR);
    EXPECT_ERROR(open("", O_RDONLY), ENOENT);
    EXPECT(write(fd, "hello", 5) == 5);
    int other = open(FILE_A, O_RDONLY);
    EXPECT(other == 4);
    EXPECT_ERROR(write(other, "x", 1), EBADF);
    EXPECT(close(other) == 0);
    EXPECT((other = open(FILE_A, O_WRONLY | O_TRUNC)) == 4);
    EXPECT(lseek(fd, 0, SEEK_END) == 0);
    char byte;
    EXPECT_ERROR(read(other, &byte, 1), EBADF);
    EXPECT(close(other) == 0 && close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_read_write(void)
{
    char buffer[32] = "";
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(write(fd, "0123456789", 10) == 10);
    EXPECT(read(fd, buffer, 10) == 0); // at the end
    EXPECT(lseek(fd, 2, SEEK_SET) == 2);
    EXPECT(read(fd, buffer, 4) == 4 && memcmp(buffer, "2345", 4) == 0);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 6);
    EXPECT(read(fd, buffer, 32) == 4);
    EXPECT(pread(fd, buffer, 3, 7) == 3 && memcmp(buffer, "789", 3) == 0);
    EXPECT(pread(fd, buffer, 3, 100) == 0);
    EXPECT(pwrite(fd, "AB", 2, 1) == 2);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 10); // neither moved the position
    EXPECT(pread(fd, buffer, 4, 0) == 4 && memcmp(buffer, "0AB3", 4) == 0);
    EXPECT_ERROR(pread(fd, buffer, 1, -1), EINVAL);
    EXPECT(read(fd, buffer, 0) == 0);
    EXPECT_ERROR(read(99, buffer, 1), EBADF);
    EXPECT_ERROR(read(-1, buffer, 1), EBADF);
    EXPECT(close(fd) == 0);
    EXPECT_ERROR(close(fd), EBADF);
    return unlink(FILE_A) == 0;
}

static bool test_append(void)
{
    char buffer[8];
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC | O_APPEND, 0644);
    EXPECT(write(fd, "one", 3) == 3);
    EXPECT(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "two", 3) == 3);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 6);
    EXPECT(pread(fd, buffer, 8, 0) == 6 && memcmp(buffer, "onetwo", 6) == 0);
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_seek(void)
{
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    char buffer[16];
    EXPECT(lseek(fd, 5000, SEEK_SET) == 5000);
    EXPECT(lseek(fd, -1000, SEEK_CUR) == 4000);
    EXPECT(lseek(fd, 0, SEEK_END) == 0); // nothing was written yet
    EXPECT_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
    EXPECT_ERROR(lseek(fd, 0, 77), EINVAL);
    EXPECT(lseek(fd, 9000, SEEK_SET) == 9000 && write(fd, "x", 1) == 1);
    EXPECT(lseek(fd, 0, SEEK_END) == 9001);
    EXPECT(pread(fd, buffer, 2, 8999) == 2 && buffer[0] == '\0' && buffer[1] == 'x');
    EXPECT_ERROR(lseek(99, 0, SEEK_SET), EBADF);
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_vectors(void)
{
    char a[4] = "", b[8] = "";
    struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cdefg", 5 } };
    struct iovec in[2] = { { a, 3 }, { b, 8 } };
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(writev(fd, out, 3) == 7);
    EXPECT(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, in, 2) == 7);
    EXPECT(memcmp(a, "abc", 3) == 0 && memcmp(b, "defg", 4) == 0);
    EXPECT(writev(fd, out, 0) == 0);
    EXPECT_ERROR(writev(fd, out, -1), EINVAL);
    EXPECT_ERROR(writev(fd, out, 1025), EINVAL);
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

// Big enough for many pages, odd positions, content checked byte by byte.
static bool test_big_file(void)
{
    static unsigned char data[300001], copy[sizeof(data)];
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 31 + (i >> 8));
    for (size_t at = 0; at < sizeof(data);) {
        size_t piece = at % 7777 + 1;
        piece = piece > sizeof(data) - at ? sizeof(data) - at : piece;
        EXPECT(write(fd, data + at, piece) == (ssize_t)piece);
        at += piece;
    }
    EXPECT(pread(fd, copy, sizeof(copy), 0) == sizeof(copy));
    EXPECT(memcmp(data, copy, sizeof(data)) == 0);
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_stat(void)
{
    struct stat by_path, by_fd;
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0640);
    EXPECT(write(fd, "12345", 5) == 5);
    EXPECT(stat(FILE_A, &by_path) == 0 && fstat(fd, &by_fd) == 0);
    EXPECT(by_path.st_ino == by_fd.st_ino && by_path.st_dev == by_fd.st_dev);
    EXPECT(by_fd.st_size == 5 && by_fd.st_nlink == 1 && by_fd.st_mode == (S_IFREG | 0640));
    EXPECT(stat("/tmp", &by_path) == 0 && S_ISDIR(by_path.st_mode));
    EXPECT_ERROR(stat(FILE_B, &by_path), ENOENT);
    EXPECT_ERROR(fstat(99, &by_path), EBADF);
    // The form that C libraries use for fstat.
    EXPECT(syscall(SYS_newfstatat, fd, "", &by_path, AT_EMPTY_PATH) == 0 && by_path.st_size == 5);
    EXPECT_ERROR(syscall(SYS_newfstatat, fd, "", &by_path, 0), ENOENT);
    EXPECT(stat("/dev/null", &by_path) == 0 && S_ISCHR(by_path.st_mode));
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_access(void)
{
    int fd = open(FILE_A, O_CREAT | O_RDWR, 0644);
    EXPECT(close(fd) == 0);
    EXPECT(access(FILE_A, F_OK) == 0 && access(FILE_A, R_OK | W_OK) == 0);
    EXPECT_ERROR(access(FILE_A, X_OK), EACCES); // no x bit at all: not even for root
    EXPECT_ERROR(access(FILE_B, F_OK), ENOENT);
    EXPECT_ERROR(access(FILE_A, 99), EINVAL);
    EXPECT(access("/tmp", X_OK) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_unlinked_file_lives(void)
{
    char buffer[4];
    struct stat status;
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(write(fd, "kept", 4) == 4 && unlink(FILE_A) == 0);
    EXPECT_ERROR(open(FILE_A, O_RDONLY), ENOENT);
    EXPECT(pread(fd, buffer, 4, 0) == 4 && memcmp(buffer, "kept", 4) == 0);
    EXPECT(fstat(fd, &status) == 0 && status.st_nlink == 0);
    return close(fd) == 0;
}

static bool test_devices(void)
{
    char buffer[64];
    memset(buffer, 1, sizeof(buffer));
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
    int full = open("/dev/full", O_RDWR), random = open("/dev/urandom", O_RDONLY);
    EXPECT(null >= 0 && zero >= 0 && full >= 0 && random >= 0);
    EXPECT(read(null, buffer, 64) == 0 && write(null, buffer, 64) == 64);
    EXPECT(read(zero, buffer, 64) == 64 && buffer[0] == 0 && buffer[63] == 0);
    EXPECT(write(zero, buffer, 64) == 64);
    EXPECT_ERROR(write(full, buffer, 1), ENOSPC);
    EXPECT(read(random, buffer, 64) == 64);
    int different = 0;
    for (int i = 1; i < 64; i++)
        different += buffer[i] != buffer[0];
    EXPECT(different > 32);
    EXPECT_ERROR(ioctl(null, 0x5401), ENOTTY);
    return true;
}

static int write_beyond(void *file)
{
    return (int)write((int)(intptr_t)file, "x", 1);
}

// RLIMIT_FSIZE cuts the write that crosses it and refuses the one behind it, by SIGXFSZ.
static bool test_file_size_limit(void)
{
    struct rlimit limit = { 10, RLIM_INFINITY };
    char byte;
    int ends[2], fd = open(SCRATCH "/f", O_CREAT | O_RDWR, 0600);
    EXPECT(fd >= 0 && ftruncate(fd, 20) == 0 && pipe(ends) == 0);
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    EXPECT(write(fd, "0123456", 7) == 7 && write(fd, "789012", 6) == 3);
    EXPECT(write(fd, "", 0) == 0 && ftruncate(fd, 15) == 0);
    EXPECT(child_wait(child_start(write_beyond, (void *)(intptr_t)fd)) == SIGXFSZ);
    signal(SIGXFSZ, SIG_IGN);
    EXPECT_ERROR(write(fd, "x", 1), EFBIG);
    EXPECT_ERROR(pwrite(fd, "x", 1, 12), EFBIG);
    EXPECT_ERROR(ftruncate(fd, 16), EFBIG);
    EXPECT_ERROR(truncate(SCRATCH "/f", 16), EFBIG);
    EXPECT(lseek(fd, 0, SEEK_END) == 15 && ftruncate(fd, 10) == 0);
    EXPECT_ERROR(sendfile(fd, fd, &(off_t){ 0 }, 1), EFBIG);
    EXPECT(write(ends[1], "0123456789ab", 12) == 12 && read(ends[0], &byte, 1) == 1); // no file
    EXPECT(unlink(SCRATCH "/f") == 0);
    return true;
}

const struct test file_tests[] = {
    { "open-flags", test_open_flags },
    { "read-write", test_read_write },
    { "append", test_append },
    { "seek", test_seek },
    { "vectors", test_vectors },
    { "big-file", test_big_file },
    { "stat", test_stat },
    { "access", test_access },
    { "unlinked-file-lives", test_unlinked_file_lives },
    { "devices", test_devices },
    { "file-size-limit", test_file_size_limit },
};
const size_t file_test_count = COUNT_OF(file_tests);
