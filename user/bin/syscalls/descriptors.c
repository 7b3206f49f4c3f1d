// Descriptors: dup family, fcntl, close-on-exec, shared positions, limits.
#include "check.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_A SCRATCH "/descriptor"

static bool test_dup(void)
{
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    int copy = dup(fd);
    EXPECT(copy == fd + 1);
    EXPECT(write(fd, "abc", 3) == 3 && lseek(copy, 0, SEEK_CUR) == 3); // one position
    EXPECT(dup2(fd, 20) == 20 && write(20, "d", 1) == 1 && lseek(fd, 0, SEEK_CUR) == 4);
    EXPECT(dup2(fd, fd) == fd);
    EXPECT_ERROR(syscall(SYS_dup3, fd, fd, 0), EINVAL);
    EXPECT_ERROR(syscall(SYS_dup3, fd, 21, O_APPEND), EINVAL);
    EXPECT_ERROR(dup2(99, 5), EBADF);
    EXPECT_ERROR(dup2(99, 99), EBADF);
    EXPECT_ERROR(dup2(fd, -1), EBADF);
    EXPECT_ERROR(dup2(fd, 1 << 30), EBADF);
    EXPECT_ERROR(dup(99), EBADF);
    EXPECT(close(fd) == 0 && lseek(copy, 0, SEEK_CUR) == 4); // the file stays open
    EXPECT(close(copy) == 0 && close(20) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_fcntl(void)
{
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(fcntl(fd, F_GETFD) == 0);
    EXPECT(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    EXPECT((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) == O_RDWR);
    EXPECT(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
    EXPECT((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
           (O_RDWR | O_APPEND | O_NONBLOCK));
    EXPECT(fcntl(fd, F_DUPFD, 30) == 30 && fcntl(30, F_GETFD) == 0);
    EXPECT(fcntl(fd, F_DUPFD_CLOEXEC, 30) == 31 && fcntl(31, F_GETFD) == FD_CLOEXEC);
    EXPECT_ERROR(fcntl(fd, F_DUPFD, -1), EINVAL);
    EXPECT_ERROR(fcntl(99, F_GETFD), EBADF);
    EXPECT_ERROR(fcntl(fd, 9999), EINVAL);
    EXPECT(close(30) == 0 && close(31) == 0 && close(fd) == 0);
    EXPECT((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    return close(fd) == 0 && unlink(FILE_A) == 0;
}

static int write_more(void *fd)
{
    return write(*(int *)fd, "child", 5) != 5;
}

static bool test_shared_after_fork(void)
{
    int fd = open(FILE_A, O_CREAT | O_RDWR | O_TRUNC, 0644);
    EXPECT(child_run(write_more, &fd) == 0);
    EXPECT(lseek(fd, 0, SEEK_CUR) == 5); // the child moved it
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

static bool test_limit(void)
{
    struct rlimit limit;
    EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 64);
    limit.rlim_cur = 10;
    EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    int fd, highest = -1;
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        highest = fd;
    EXPECT(errno == EMFILE && highest == 9);
    EXPECT_ERROR(dup(0), EMFILE);
    EXPECT_ERROR(dup2(0, 10), EBADF);
    int ends[2];
    EXPECT(close(9) == 0);
    EXPECT_ERROR(pipe(ends), EMFILE);
    EXPECT(open("/dev/null", O_RDONLY) == 9); // the failed pipe left nothing
    limit.rlim_cur = limit.rlim_max + 1;
    EXPECT_ERROR(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
    return true;
}

static bool test_not_a_terminal(void)
{
    int ends[2], fd = open(FILE_A, O_CREAT | O_RDWR, 0644);
    struct winsize size;
    EXPECT(pipe(ends) == 0);
    EXPECT_ERROR(ioctl(fd, TIOCGWINSZ, &size), ENOTTY);
    EXPECT_ERROR(ioctl(ends[0], TIOCGWINSZ, &size), ENOTTY);
    EXPECT_ERROR(ioctl(99, TIOCGWINSZ, &size), EBADF);
    EXPECT(close(fd) == 0);
    return unlink(FILE_A) == 0;
}

const struct test descriptor_tests[] = {
    { "dup", test_dup },
    { "fcntl", test_fcntl },
    { "shared-after-fork", test_shared_after_fork },
    { "descriptor-limit", test_limit },
    { "not-a-terminal", test_not_a_terminal },
};
const size_t descriptor_test_count = COUNT_OF(descriptor_tests);
