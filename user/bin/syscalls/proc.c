// /proc as files and directories: what can be opened, followed, listed and not changed.
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The file's text, NUL-terminated; its length, -1: cannot be read.
static long read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    long used = 0, got;
    while (fd >= 0 && (got = read(fd, text + used, size - 1 - (size_t)used)) > 0)
        used += got;
    close(fd);
    text[used] = '\0';
    return fd < 0 ? -1 : used;
}

static bool test_proc_refuses(void)
{
    EXPECT(close(open(SCRATCH "/f", O_CREAT | O_WRONLY, 0600)) == 0);
    EXPECT_ERROR(open("/proc/new", O_CREAT | O_WRONLY, 0600), ENOENT);
    EXPECT_ERROR(mkdir("/proc/new", 0755), ENOENT);
    EXPECT_ERROR(mkdir("/proc/self/new", 0755), ENOENT);
    EXPECT_ERROR(mkdir("/proc/meminfo", 0755), EEXIST);
    EXPECT_ERROR(symlink("x", "/proc/self/new"), ENOENT);
    EXPECT_ERROR(link(SCRATCH "/f", "/proc/new"), ENOENT);
    EXPECT_ERROR(link("/proc/self/stat", SCRATCH "/stat"), EXDEV);
    EXPECT_ERROR(rename("/proc/meminfo", SCRATCH "/meminfo"), EXDEV);
    EXPECT_ERROR(rename(SCRATCH "/f", "/proc/f"), EXDEV);
    EXPECT_ERROR(rename("/proc/meminfo", "/proc/new"), ENOENT);
    EXPECT_ERROR(rename("/proc/meminfo", "/proc/stat"), EPERM);
    EXPECT_ERROR(unlink("/proc/self/stat"), EPERM);
    EXPECT_ERROR(unlink("/proc/none"), ENOENT);
    EXPECT_ERROR(rmdir("/proc/self/fd"), EPERM);
    EXPECT_ERROR(rmdir("/proc"), EBUSY);
    EXPECT_ERROR(open("/proc/99999999", O_RDONLY), ENOENT);
    EXPECT_ERROR(open("/proc/01", O_RDONLY), ENOENT);
    EXPECT_ERROR(open("/proc/self/stat/x", O_RDONLY), ENOTDIR);
    EXPECT_ERROR(chmod("/proc/self/comm", 0600), EPERM);
    EXPECT_ERROR(chmod("/proc/self", 0700), EPERM);
    EXPECT(unlink(SCRATCH "/f") == 0);
    return true;
}

static bool test_proc_directories(void)
{
    char path[64], text[128], expected[64];
    struct stat first, second, parent;
    bool found = false;
    snprintf(expected, sizeof(expected), "/proc/%d", getpid());
    EXPECT(readlink("/proc/self", text, sizeof(text)) == (long)strlen(expected + 6));
    EXPECT(stat("/proc/self", &first) == 0 && stat(expected, &second) == 0);
    EXPECT(first.st_ino == second.st_ino && S_ISDIR(first.st_mode) && first.st_uid == 0);
    EXPECT(stat("/proc/self/..", &parent) == 0 && stat("/proc", &second) == 0);
    EXPECT(parent.st_ino == second.st_ino && parent.st_dev == first.st_dev);
    EXPECT(chdir("/proc/self/fd") == 0 && getcwd(text, sizeof(text)) == text);
    snprintf(path, sizeof(path), "%s/fd", expected);
    EXPECT(strcmp(text, path) == 0);
    EXPECT(chdir("..") == 0 && getcwd(text, sizeof(text)) && strcmp(text, expected) == 0);
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        found |= strcmp(entry->d_name, expected + 6) == 0 && entry->d_type == DT_DIR &&
                 entry->d_ino == first.st_ino;
    closedir(folder);
    EXPECT(found);
    return true;
}

static bool test_proc_descriptors(void)
{
    char path[64], target[128] = { 0 }, expected[64];
    int ends[2];
    struct stat pipe_stat;
    EXPECT(chdir(SCRATCH) == 0 && pipe(ends) == 0 && fstat(ends[0], &pipe_stat) == 0);
    int fd = open("./../syscalls/f", O_CREAT | O_RDWR, 0600);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    long length = readlink(path, target, sizeof(target));
    EXPECT(length == (long)strlen(SCRATCH "/f") &&
           memcmp(target, SCRATCH "/f", (size_t)length) == 0);
    EXPECT(write(fd, "abc", 3) == 3);
    int again = open(path, O_RDONLY); // from the start, unlike dup
    EXPECT(read(again, target, sizeof(target)) == 3);
    EXPECT(unlink("f") == 0);
    length = readlink(path, target, sizeof(target));
    EXPECT(length > 10 && memcmp(target + length - 10, " (deleted)", 10) == 0);
    EXPECT(close(open(path, O_RDONLY)) == 0); // still leads to it
    EXPECT(close(fd) == 0);
    EXPECT_ERROR(open(path, O_RDONLY), ENOENT);
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    snprintf(expected, sizeof(expected), "pipe:[%lu]", (unsigned long)pipe_stat.st_ino);
    length = readlink(path, target, sizeof(target));
    EXPECT(length == (long)strlen(expected) && memcmp(target, expected, (size_t)length) == 0);
    int other = open(path, O_RDONLY);
    EXPECT(other >= 0 && write(ends[1], "pq", 2) == 2 && read(other, target, 8) == 2);
    struct stat same;
    EXPECT(lstat(path, &same) == 0 && S_ISLNK(same.st_mode) && (same.st_mode & 0777) == 0500);
    EXPECT(stat(path, &same) == 0 && same.st_ino == pipe_stat.st_ino);
    return true;
}

static int wait_for_end(void *end)
{
    char byte;
    return read((int)(intptr_t)end, &byte, 1) != 0;
}

static char letter_of(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (read_text(path, text, sizeof(text)) <= 0)
        return '?';
    return strrchr(text, ')')[2];
}

// The state changes some time after its cause.
static bool letter_becomes(pid_t pid, char letter)
{
    for (int i = 0; i < 2000 && letter_of(pid) != letter; i++)
        sleep_ns(1000000);
    return letter_of(pid) == letter;
}

static bool test_proc_states(void)
{
    int ends[2];
    char path[64], text[256];
    EXPECT(letter_of(getpid()) == 'R' && pipe(ends) == 0);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit(wait_for_end((void *)(intptr_t)ends[0]));
    }
    EXPECT(letter_becomes(child, 'S'));
    kill(child, SIGSTOP);
    EXPECT(letter_becomes(child, 'T'));
    kill(child, SIGCONT);
    EXPECT(letter_becomes(child, 'S'));
    close(ends[1]);
    EXPECT(letter_becomes(child, 'Z'));
    snprintf(path, sizeof(path), "/proc/%d/cmdline", child);
    EXPECT(read_text(path, text, sizeof(text)) == 0); // a zombie has no memory
    snprintf(path, sizeof(path), "/proc/%d/fd/0", child);
    EXPECT_ERROR(readlink(path, text, sizeof(text)), ENOENT);
    EXPECT(child_wait(child) == 0);
    snprintf(path, sizeof(path), "/proc/%d", child);
    EXPECT_ERROR(open(path, O_RDONLY), ENOENT);
    return true;
}

// The value of a line `key:<blanks>value` of /proc/self/status.
static long status_value(const char *key)
{
    char text[4096];
    if (read_text("/proc/self/status", text, sizeof(text)) <= 0)
        return -1;
    char *line = strstr(text, key);
    return line ? strtol(line + strlen(key) + 1, NULL, 10) : -1;
}

static bool test_proc_memory(void)
{
    static const size_t size = 300 * PAGE;
    char text[8192], range[64];
    long before = status_value("RssAnon");
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + PAGE, PAGE, PROT_READ);
    memset(memory + 100 * PAGE, 1, 200 * PAGE);
    long now = status_value("RssAnon");
    EXPECT(before > 0 && now - before >= 800 && now - before < 850);
    EXPECT(read_text("/proc/self/maps", text, sizeof(text)) > 0);
    snprintf(range, sizeof(range), "%lx-%lx r--p 00000000 00:00 0", (long)(memory + PAGE),
             (long)(memory + 2 * PAGE));
    EXPECT(strstr(text, range) != NULL && strstr(text, "[stack]") != NULL);
    return true;
}

static bool test_proc_names(void)
{
    char text[512];
    EXPECT(prctl(PR_SET_NAME, "a (b) c") == 0);
    EXPECT(read_text("/proc/self/comm", text, sizeof(text)) == 8 && strcmp(text, "a (b) c\n") == 0);
    EXPECT(read_text("/proc/self/stat", text, sizeof(text)) > 0 && strstr(text, " (a (b) c) R "));
    int fd = open("/proc/self/comm", O_WRONLY);
    EXPECT(write(fd, "0123456789abcdefgh", 18) == 18);
    EXPECT(prctl(PR_GET_NAME, text) == 0 && strcmp(text, "0123456789abcde") == 0);
    EXPECT(write(fd, "", 0) == 0 && prctl(PR_GET_NAME, text) == 0 && strcmp(text, "") == 0);
    int fields = 0;
    EXPECT(read_text("/proc/self/stat", text, sizeof(text)) > 0);
    for (char *rest = strrchr(text, ')'); rest != NULL; rest = strchr(rest + 1, ' '))
        fields++;
    EXPECT(fields + 1 == 52);
    EXPECT(read_text("/proc/self/cmdline", text, sizeof(text)) > 0);
    EXPECT(strstr(text, "syscalls") != NULL);
    return true;
}

// Lines stay lines in status and maps, whatever is in a name; comm and stat give it as it is.
static bool test_proc_escapes(void)
{
    char text[8192];
    EXPECT(prctl(PR_SET_NAME, "a\nb\\c") == 0);
    EXPECT(read_text("/proc/self/comm", text, sizeof(text)) == 6 && !strcmp(text, "a\nb\\c\n"));
    EXPECT(read_text("/proc/self/stat", text, sizeof(text)) > 0 && strstr(text, " (a\nb\\c) R "));
    EXPECT(read_text("/proc/self/status", text, sizeof(text)) > 0);
    EXPECT(strncmp(text, "Name:\ta\\nb\\\\c\nUmask:", 20) == 0);
    int fd = open(SCRATCH "/x\ny\\z", O_CREAT | O_RDWR, 0600);
    EXPECT(ftruncate(fd, PAGE) == 0 && unlink(SCRATCH "/x\ny\\z") == 0);
    EXPECT(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    EXPECT(read_text("/proc/self/maps", text, sizeof(text)) > 0);
    EXPECT(strstr(text, " " SCRATCH "/x\\012y\\z (deleted)\n") != NULL);
    return true;
}

// The names in a folder; -1: cannot be read.
static int count_names(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    if (!folder)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

// One thread, which has what its process has but for task.
static bool test_proc_threads(void)
{
    char path[64], text[1024], same[1024];
    struct stat process, thread;
    EXPECT(count_names("/proc/self/task") == 3);
    snprintf(path, sizeof(path), "/proc/self/task/%d", getpid());
    EXPECT(count_names(path) > 10 && count_names(path) < count_names("/proc/self"));
    EXPECT(stat(path, &thread) == 0 && stat("/proc/self", &process) == 0);
    EXPECT(thread.st_ino != process.st_ino && S_ISDIR(thread.st_mode));
    EXPECT(chdir(path) == 0 && getcwd(text, sizeof(text)) != NULL);
    snprintf(path, sizeof(path), "/proc/%d/task/%d", getpid(), getpid());
    EXPECT(strcmp(text, path) == 0);
    EXPECT(read_text("comm", text, sizeof(text)) > 0);
    EXPECT(read_text("/proc/self/comm", same, sizeof(same)) > 0 && strcmp(text, same) == 0);
    EXPECT(readlink("fd/0", text, sizeof(text)) > 0 && chdir("..") == 0);
    EXPECT_ERROR(open("1", O_RDONLY), ENOENT);
    EXPECT_ERROR(open("self", O_RDONLY), ENOENT);
    return true;
}

// Who keeps a file open and reads it from the start again sees what is true then.
static bool test_proc_rereads(void)
{
    char text[64];
    EXPECT(prctl(PR_SET_NAME, "first") == 0);
    int fd = open("/proc/self/comm", O_RDONLY);
    EXPECT(read(fd, text, sizeof(text)) == 6 && read(fd, text, sizeof(text)) == 0);
    EXPECT(prctl(PR_SET_NAME, "second") == 0);
    EXPECT(lseek(fd, 0, SEEK_SET) == 0);
    EXPECT(read(fd, text, 3) == 3 && read(fd, text + 3, 60) == 4);
    EXPECT(memcmp(text, "second\n", 7) == 0);
    EXPECT(prctl(PR_SET_NAME, "third") == 0);
    EXPECT(pread(fd, text, sizeof(text), 0) == 6 && memcmp(text, "third\n", 6) == 0);
    return true;
}

static int wait_a_while(void *unused)
{
    sleep_ns(1000000000);
    return 0;
}

// Files that were opened while the process lived do not speak of it, or of another one, later.
static bool test_proc_after_the_end(void)
{
    char path[64], text[64];
    pid_t child = child_start(wait_a_while, NULL);
    snprintf(path, sizeof(path), "/proc/%d", child);
    int folder = open(path, O_RDONLY | O_DIRECTORY);
    int comm = openat(folder, "comm", O_RDONLY), files = openat(folder, "fd", O_RDONLY);
    EXPECT(folder >= 0 && read(comm, text, sizeof(text)) > 0);
    kill(child, SIGKILL);
    EXPECT(child_wait(child) == SIGKILL);
    EXPECT(openat(folder, "stat", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
    EXPECT_ERROR(pread(comm, text, sizeof(text), 0), ESRCH);
    EXPECT_ERROR(syscall(SYS_getdents64, folder, text, sizeof(text)), ENOENT);
    EXPECT_ERROR(syscall(SYS_getdents64, files, text, sizeof(text)), ENOENT);
    return true;
}

const struct test proc_tests[] = {
    { "proc-rereads", test_proc_rereads },
    { "proc-after-the-end", test_proc_after_the_end },
    { "proc-refuses", test_proc_refuses },
    { "proc-directories", test_proc_directories },
    { "proc-descriptors", test_proc_descriptors },
    { "proc-states", test_proc_states },
    { "proc-memory", test_proc_memory },
    { "proc-names", test_proc_names },
    { "proc-escapes", test_proc_escapes },
    { "proc-threads", test_proc_threads },
};
const size_t proc_test_count = COUNT_OF(proc_tests);
