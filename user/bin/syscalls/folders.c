// Folders and names: making, listing, renaming, removing, links, the working directory.
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FOLDER SCRATCH "/folder"

static bool make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0644);
    return fd >= 0 && write(fd, path, strlen(path)) == (ssize_t)strlen(path) && close(fd) == 0;
}

static bool test_make_and_remove(void)
{
    struct stat status;
    EXPECT(mkdir(FOLDER, 0755) == 0);
    EXPECT_ERROR(mkdir(FOLDER, 0755), EEXIST);
    EXPECT_ERROR(mkdir(FOLDER "/a/b", 0755), ENOENT);
    EXPECT(stat(FOLDER, &status) == 0 && status.st_mode == (S_IFDIR | 0755));
    EXPECT(status.st_nlink == 2);
    EXPECT(mkdir(FOLDER "/inner/", 0700) == 0);
    EXPECT_ERROR(rmdir(FOLDER), ENOTEMPTY);
    EXPECT_ERROR(unlink(FOLDER "/inner"), EISDIR);
    EXPECT(make_file(FOLDER "/file"));
    EXPECT_ERROR(rmdir(FOLDER "/file"), ENOTDIR);
    EXPECT_ERROR(mkdir(FOLDER "/file/x", 0755), ENOTDIR);
    EXPECT(unlink(FOLDER "/file") == 0);
    EXPECT_ERROR(unlink(FOLDER "/file"), ENOENT);
    EXPECT(unlinkat(AT_FDCWD, FOLDER "/inner", AT_REMOVEDIR) == 0);
    EXPECT(rmdir(FOLDER) == 0);
    EXPECT_ERROR(rmdir(FOLDER), ENOENT);
    return true;
}

static bool test_fifo(void)
{
    struct stat status;
    char byte = 0;
    EXPECT(mkfifo(SCRATCH "/fifo", 0600) == 0);
    EXPECT(stat(SCRATCH "/fifo", &status) == 0 && status.st_mode == (S_IFIFO | 0600));
    EXPECT_ERROR(mkfifo(SCRATCH "/fifo", 0600), EEXIST);
    int from = open(SCRATCH "/fifo", O_RDONLY | O_NONBLOCK);
    int to = open(SCRATCH "/fifo", O_WRONLY | O_NONBLOCK);
    EXPECT(from >= 0 && to >= 0 && write(to, "x", 1) == 1 && read(from, &byte, 1) == 1);
    EXPECT(byte == 'x' && close(from) == 0 && close(to) == 0);
    EXPECT(mknod(SCRATCH "/plain", 0644, 0) == 0);
    EXPECT(stat(SCRATCH "/plain", &status) == 0 && S_ISREG(status.st_mode));
    EXPECT_ERROR(mknod(SCRATCH "/folder", S_IFDIR | 0755, 0), EPERM);
    EXPECT(unlink(SCRATCH "/fifo") == 0 && unlink(SCRATCH "/plain") == 0);
    return true;
}

// Every name once, whatever the buffer's size; types are right.
static bool list_with_buffer(size_t size)
{
    enum { FILES = 40 };
    char buffer[4096] __attribute__((aligned(8)));
    int seen[FILES] = { 0 }, dots = 0;
    long got;
    int fd = open(FOLDER, O_RDONLY | O_DIRECTORY);
    EXPECT(fd >= 0);
    while ((got = syscall(SYS_getdents64, fd, buffer, size)) > 0) {
        for (long at = 0; at < got;) {
            struct dirent *entry = (struct dirent *)(buffer + at);
            int number;
            EXPECT(entry->d_reclen % 8 == 0 && at + entry->d_reclen <= got);
            if (sscanf(entry->d_name, "name-%d", &number) == 1) {
                EXPECT(entry->d_type == DT_REG);
                seen[number]++;
            } else {
                EXPECT(entry->d_type == DT_DIR);
                dots++;
            }
            at += entry->d_reclen;
        }
    }
    EXPECT(got == 0 && dots == 2);
    for (int i = 0; i < FILES; i++)
        EXPECT(seen[i] == 1);
    EXPECT_ERROR(syscall(SYS_getdents64, (lseek(fd, 0, SEEK_SET), fd), buffer, 8), EINVAL);
    EXPECT_ERROR(read(fd, buffer, 1), EISDIR);
    return close(fd) == 0;
}

static bool test_list(void)
{
    char path[64];
    EXPECT(mkdir(FOLDER, 0755) == 0);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), FOLDER "/name-%d", i);
        EXPECT(make_file(path));
    }
    EXPECT(list_with_buffer(4096) && list_with_buffer(100));
    int null = open("/dev/null", O_RDONLY);
    EXPECT_ERROR(syscall(SYS_getdents64, null, path, 64), ENOTDIR);
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), FOLDER "/name-%d", i);
        EXPECT(unlink(path) == 0);
    }
    return rmdir(FOLDER) == 0;
}

static bool test_rename(void)
{
    struct stat before, after;
    EXPECT(mkdir(FOLDER, 0755) == 0 && make_file(FOLDER "/a") && make_file(FOLDER "/b"));
    EXPECT(stat(FOLDER "/a", &before) == 0);
    EXPECT(rename(FOLDER "/a", FOLDER "/c") == 0);
    EXPECT(stat(FOLDER "/c", &after) == 0 && before.st_ino == after.st_ino);
    EXPECT_ERROR(stat(FOLDER "/a", &after), ENOENT);
    EXPECT(rename(FOLDER "/c", FOLDER "/b") == 0); // replaces
    EXPECT(stat(FOLDER "/b", &after) == 0 && before.st_ino == after.st_ino);
    EXPECT(rename(FOLDER "/b", FOLDER "/b") == 0);
    EXPECT_ERROR(rename(FOLDER "/a", FOLDER "/x"), ENOENT);
    EXPECT(mkdir(FOLDER "/d", 0755) == 0 && mkdir(FOLDER "/d/e", 0755) == 0);
    EXPECT_ERROR(rename(FOLDER "/d", FOLDER "/d/e/f"), EINVAL); // into itself
    EXPECT_ERROR(rename(FOLDER "/b", FOLDER "/d"), EISDIR);
    EXPECT_ERROR(rename(FOLDER "/d/e", FOLDER "/b"), ENOTDIR);
    EXPECT(rename(FOLDER "/d/e", FOLDER "/e") == 0);
    EXPECT(rename(FOLDER "/e", FOLDER "/d") == 0); // an empty folder may be replaced
    return unlink(FOLDER "/b") == 0 && rmdir(FOLDER "/d") == 0 && rmdir(FOLDER) == 0;
}

static bool test_working_directory(void)
{
    char path[128];
    EXPECT(mkdir(FOLDER, 0755) == 0 && chdir(FOLDER) == 0);
    EXPECT(getcwd(path, sizeof(path)) == path && strcmp(path, FOLDER) == 0);
    EXPECT(syscall(SYS_getcwd, path, 128) == sizeof(FOLDER)); // with the terminator
    EXPECT_ERROR(syscall(SYS_getcwd, path, 4), ERANGE);
    EXPECT(make_file("file") && access(FOLDER "/file", F_OK) == 0);
    EXPECT(access("../folder/./file", F_OK) == 0 && access("../../../../../tmp", F_OK) == 0);
    EXPECT_ERROR(chdir("file"), ENOTDIR);
    EXPECT_ERROR(chdir("nothing"), ENOENT);
    EXPECT(unlink("file") == 0 && chdir("/") == 0 && rmdir(FOLDER) == 0);
    EXPECT(getcwd(path, sizeof(path)) == path && strcmp(path, "/") == 0);
    return true;
}

static bool test_relative_to_folder(void)
{
    struct stat status;
    EXPECT(mkdir(FOLDER, 0755) == 0);
    int fd = open(FOLDER, O_RDONLY | O_DIRECTORY);
    int file = openat(fd, "file", O_CREAT | O_WRONLY, 0600);
    EXPECT(file >= 0 && access(FOLDER "/file", F_OK) == 0);
    EXPECT(fstatat(fd, "file", &status, 0) == 0 && status.st_mode == (S_IFREG | 0600));
    EXPECT_ERROR(openat(file, "x", O_RDONLY), ENOTDIR);
    EXPECT_ERROR(openat(99, "x", O_RDONLY), EBADF);
    EXPECT(openat(99, "/tmp", O_RDONLY) >= 0); // absolute: the number does not matter
    return unlinkat(fd, "file", 0) == 0 && close(fd) == 0 && rmdir(FOLDER) == 0;
}

static bool test_readlink(void)
{
    char path[256];
    EXPECT(make_file(SCRATCH "/file"));
    EXPECT_ERROR(readlink(SCRATCH "/file", path, sizeof(path)), EINVAL);
    EXPECT_ERROR(readlink(SCRATCH "/nothing", path, sizeof(path)), ENOENT);
    long length = readlink("/proc/self/exe", path, sizeof(path));
    EXPECT(length > 9 && memcmp(path + length - 9, "/syscalls", 9) == 0);
    EXPECT(readlink("/proc/self/exe", path, 3) == 3); // cut, no error
    EXPECT_ERROR(syscall(SYS_readlink, "/proc/self/exe", path, 0), EINVAL);
    return unlink(SCRATCH "/file") == 0;
}

static bool test_long_names(void)
{
    char path[5000];
    memset(path, 'n', sizeof(path));
    memcpy(path, SCRATCH "/", sizeof(SCRATCH));
    path[sizeof(SCRATCH) + 255] = '\0';
    EXPECT(mkdir(path, 0755) == 0 && rmdir(path) == 0);
    path[sizeof(SCRATCH) + 255] = 'n';
    path[sizeof(SCRATCH) + 256] = '\0';
    EXPECT_ERROR(mkdir(path, 0755), ENAMETOOLONG);
    path[sizeof(SCRATCH) + 256] = 'n';
    path[4999] = '\0';
    EXPECT_ERROR(access(path, F_OK), ENAMETOOLONG);
    return true;
}

const struct test folder_tests[] = {
    { "make-and-remove", test_make_and_remove },
    { "fifo", test_fifo },
    { "list", test_list },
    { "rename", test_rename },
    { "working-directory", test_working_directory },
    { "relative-to-folder", test_relative_to_folder },
    { "readlink", test_readlink },
    { "long-names", test_long_names },
};
const size_t folder_test_count = COUNT_OF(folder_tests);
