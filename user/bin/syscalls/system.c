// The machine as a whole: file systems, the log, priorities, the host's name; sendfile.
#include "check.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROC_MAGIC 0x9fa0
#define BAD_POINTER ((void *)8)

static bool test_file_systems(void)
{
    struct statfs root, proc, again;
    EXPECT(statfs("/", &root) == 0 && root.f_blocks > 0 && root.f_bsize > 0);
    EXPECT(root.f_blocks >= root.f_bfree && root.f_bfree >= root.f_bavail);
    EXPECT(root.f_namelen == 255 && root.f_frsize > 0);
    EXPECT(statfs("/proc", &proc) == 0 && proc.f_type == PROC_MAGIC && proc.f_blocks == 0);
    int fd = open("/proc/self/stat", O_RDONLY);
    EXPECT(fstatfs(fd, &again) == 0 && again.f_type == PROC_MAGIC);
    close(fd);
    EXPECT_ERROR(fstatfs(fd, &again), EBADF);
    EXPECT_ERROR(statfs("/nowhere", &again), ENOENT);
    EXPECT_ERROR(statfs("", &again), ENOENT);
    EXPECT_ERROR(syscall(SYS_statfs, "/", BAD_POINTER), EFAULT);
    EXPECT_ERROR(syscall(SYS_statfs, BAD_POINTER, &again), EFAULT);
    return true;
}

static bool test_kernel_log(void)
{
    enum { CLOSE, OPEN, READ, READ_ALL, READ_CLEAR, CLEAR, LEVEL = 8, UNREAD, SIZE };
    EXPECT(klogctl(OPEN, NULL, 0) == 0 && klogctl(CLOSE, NULL, 0) == 0);
    int size = klogctl(SIZE, NULL, 0);
    EXPECT(size >= 4096);
    char *text = malloc((size_t)size + 1);
    int length = klogctl(READ_ALL, text, size);
    EXPECT(length > 0 && length <= size);
    text[length] = '\0';
    EXPECT(text[0] == '<' && text[1] >= '0' && text[1] <= '9' && strstr(text, ">[") != NULL);
    EXPECT(text[length - 1] == '\n');
    EXPECT(klogctl(READ_ALL, text, 200) <= 200);
    EXPECT(klogctl(READ_ALL, text, 0) == 0);
    EXPECT_ERROR(klogctl(READ_ALL, NULL, 100), EINVAL);
    EXPECT_ERROR(klogctl(READ_ALL, text, -1), EINVAL);
    EXPECT_ERROR(klogctl(LEVEL, NULL, 0), EINVAL);
    EXPECT_ERROR(klogctl(LEVEL, NULL, 9), EINVAL);
    EXPECT_ERROR(klogctl(11, NULL, 0), EINVAL);
    EXPECT(syscall(SYS_syslog, READ_CLEAR | 1l << 32, text, size) > 0); // an int: the rest is noise
    EXPECT(klogctl(READ_ALL, text, size) < length);
    free(text);
    return true;
}

static bool test_priorities(void)
{
    struct sched_param parameter = { .sched_priority = 7 };
    int before = getpriority(PRIO_PROCESS, 0);
    EXPECT(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20 - before);
    EXPECT(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, getpid()) == 5);
    EXPECT(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
    EXPECT(setpriority(PRIO_PROCESS, 0, before) == 0);
    EXPECT_ERROR(setpriority(3, 0, 0), EINVAL);
    EXPECT_ERROR(setpriority(PRIO_PROCESS, 0x3fffffff, 0), ESRCH);
    EXPECT_ERROR(getpriority(PRIO_PROCESS, 0x3fffffff), ESRCH);
    EXPECT_ERROR(syscall(SYS_getpriority, 3, 0), EINVAL);
    EXPECT(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER);
    EXPECT_ERROR(syscall(SYS_sched_getscheduler, -1), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getscheduler, 0x3fffffff), ESRCH);
    EXPECT(syscall(SYS_sched_getparam, 0, &parameter) == 0 && parameter.sched_priority == 0);
    EXPECT_ERROR(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
    EXPECT_ERROR(syscall(SYS_sched_getparam, -1, &parameter), EINVAL);
    EXPECT(syscall(SYS_sched_get_priority_max, SCHED_FIFO) == 99);
    EXPECT(syscall(SYS_sched_get_priority_min, SCHED_RR) == 1);
    EXPECT(syscall(SYS_sched_get_priority_max, SCHED_OTHER) == 0);
    EXPECT_ERROR(syscall(SYS_sched_get_priority_max, 77), EINVAL);
    return true;
}

static bool test_host_name(void)
{
    struct utsname before, after;
    char text[80] = { 0 };
    EXPECT(uname(&before) == 0);
    EXPECT_ERROR(sethostname(text, 65), EINVAL);
    EXPECT_ERROR(syscall(SYS_sethostname, text, -1), EINVAL);
    EXPECT_ERROR(syscall(SYS_sethostname, BAD_POINTER, 5), EFAULT);
    EXPECT(sethostname("other", 5) == 0 && uname(&after) == 0);
    EXPECT(strcmp(after.nodename, "other") == 0);
    int fd = open("/proc/sys/kernel/hostname", O_RDONLY);
    EXPECT(read(fd, text, sizeof(text)) == 6 && memcmp(text, "other\n", 6) == 0);
    close(fd);
    EXPECT(sethostname(before.nodename, strlen(before.nodename)) == 0);
    EXPECT(uname(&after) == 0 && strcmp(after.nodename, before.nodename) == 0);
    return true;
}

static bool make_file(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return good;
}

static bool test_sendfile(void)
{
    char text[16] = { 0 };
    int ends[2];
    off_t offset = 2;
    EXPECT(make_file(SCRATCH "/from", "0123456789") && pipe(ends) == 0);
    int from = open(SCRATCH "/from", O_RDONLY);
    EXPECT(sendfile(ends[1], from, &offset, 3) == 3 && offset == 5);
    EXPECT(read(ends[0], text, sizeof(text)) == 3 && memcmp(text, "234", 3) == 0);
    EXPECT(lseek(from, 0, SEEK_CUR) == 0);
    EXPECT(sendfile(ends[1], from, NULL, 100) == 10 && lseek(from, 0, SEEK_CUR) == 10);
    EXPECT(read(ends[0], text, sizeof(text)) == 10 && memcmp(text, "0123456789", 10) == 0);
    EXPECT(sendfile(ends[1], from, NULL, 100) == 0);
    int to = open(SCRATCH "/to", O_CREAT | O_RDWR | O_TRUNC, 0644);
    offset = 0;
    EXPECT(sendfile(to, from, &offset, 4) == 4 && lseek(to, 0, SEEK_CUR) == 4);
    EXPECT(pread(to, text, 16, 0) == 4 && memcmp(text, "0123", 4) == 0);
    EXPECT_ERROR(sendfile(from, to, &offset, 4), EBADF);
    EXPECT_ERROR(sendfile(to, -1, &offset, 4), EBADF);
    EXPECT_ERROR(sendfile(-1, from, &offset, 4), EBADF);
    offset = -1;
    EXPECT_ERROR(sendfile(to, from, &offset, 4), EINVAL);
    EXPECT_ERROR(sendfile(to, from, BAD_POINTER, 4), EFAULT);
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    offset = 0;
    EXPECT_ERROR(sendfile(ends[1], from, &offset, 4), EPIPE);
    fcntl(to, F_SETFL, O_APPEND);
    EXPECT_ERROR(sendfile(to, from, &offset, 4), EINVAL);
    EXPECT(unlink(SCRATCH "/from") == 0 && unlink(SCRATCH "/to") == 0);
    return true;
}

const struct test system_tests[] = {
    { "file-systems", test_file_systems }, { "kernel-log", test_kernel_log },
    { "priorities", test_priorities },     { "host-name", test_host_name },
    { "sendfile", test_sendfile },
};
const size_t system_test_count = COUNT_OF(system_tests);
