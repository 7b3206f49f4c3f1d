// Shows rows 10 and 16 of kernel/README.md: everything in /proc is read, again and again, while
// processes fork, execute and exit around the reader. Runs unchanged on Linux.
//   procstorm [ROUNDS] [CHILDREN]
//   procstorm reuse    until a pid comes again (Linux: sysctl kernel.pid_max says how long)
// Exits 0 when each line that was read of /proc/PID/stat was whole.
#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAT_FIELDS 52
#define PATH_ROOM 512

static unsigned long files_read, stats_read, bad;

static const char *self = "/proc/self/exe";

// Many short lives: some end at once, some run a program, some open files and a pipe before.
static int live_and_die(void *argument)
{
    long rest = 0;
    for (;; rest++) {
        pid_t pid = fork();
        if (pid < 0)
            return 1;
        if (pid == 0) {
            int ends[2];
            if (rest % 3 == 0)
                execl(self, "procstorm", "leaf", NULL);
            if (rest % 3 == 1 && (open("/etc/passwd", O_RDONLY) < 0 || pipe(ends) != 0))
                _exit(1);
            _exit(0);
        }
        if (waitpid(pid, NULL, 0) != pid)
            return 1;
    }
}

static void check_stat(char *text)
{
    char *rest = strrchr(text, ')');
    int fields = 2; // pid and name; a blank before each of the others
    stats_read++;
    for (; rest != NULL && *rest != '\0'; rest++)
        fields += *rest == ' ';
    if (fields != STAT_FIELDS || text[strlen(text) - 1] != '\n') {
        bad++;
        printf("BAD stat: %d fields in %s\n", fields, text);
    }
}

static void read_file(const char *path, const char *name)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return; // the process has ended
    ssize_t got = read(fd, text, sizeof(text) - 1);
    close(fd);
    files_read += got > 0;
    if (got > 0 && strcmp(name, "stat") == 0 && strncmp(path, "/proc/stat", 10) != 0) {
        text[got] = '\0';
        check_stat(text);
    }
}

static bool is_skipped(const char *name)
{
    static const char *const names[] = {
        ".",          "..",          "self",          "kmsg", "trace", "task",
        "sys",        "kcore",       "bus",           "fs",   "irq",   "driver",
        "net",        "acpi",        "thread-self",   "cwd",  "root",  "kpagecount",
        "kpageflags", "kpagecgroup", "sysrq-trigger", "scsi", "tty"
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

// What a child has open is opened here as well; others' files may mind.
static void read_link(const char *path)
{
    char target[PATH_ROOM] = "";
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    files_read += length > 0;
    if (strncmp(target, "pipe:", 5) == 0 || strncmp(target, "/etc/", 5) == 0)
        close(open(path, O_RDONLY | O_NONBLOCK));
}

static void read_tree(const char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[PATH_ROOM];
        if (is_skipped(entry->d_name))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        struct stat status;
        if (lstat(path, &status) != 0)
            continue;
        if (S_ISDIR(status.st_mode))
            read_tree(path);
        else if (S_ISLNK(status.st_mode))
            read_link(path);
        else
            read_file(path, entry->d_name);
    }
    if (directory != NULL)
        closedir(directory);
}

// A pid comes again; what was opened of its first owner does not speak of the second.
static int reuse_pid(void)
{
    char path[PATH_ROOM], text[16];
    unsigned long lives = 0;
    int status = 0;
    pid_t first = fork();
    if (first == 0)
        for (;;)
            pause();
    snprintf(path, sizeof(path), "/proc/%d", first);
    int folder = open(path, O_RDONLY | O_DIRECTORY), file = openat(folder, "comm", O_RDONLY);
    kill(first, SIGKILL);
    if (folder < 0 || file < 0 || child_wait(first) != SIGKILL)
        fail(path);
    for (; status == 0; lives++) {
        pid_t pid = fork();
        if (pid == 0 && getpid() != first)
            _exit(0);
        if (pid == 0)
            _exit(openat(folder, "comm", O_RDONLY) < 0 && read(file, text, sizeof(text)) < 0 &&
                          open(path, O_RDONLY) >= 0
                      ? 1
                      : 2);
        status = child_wait(pid);
    }
    printf("procstorm: pid %d came again after %lu lives: %s\n", first, lives,
           status == 0x100 ? "told apart" : "BAD");
    return status != 0x100;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leaf") == 0)
        return 0;
    if (argc > 1 && strcmp(argv[1], "reuse") == 0)
        return reuse_pid();
    long rounds = argc > 1 ? number_argument(argv[1]) : 20;
    long count = argc > 2 ? number_argument(argv[2]) : 4;
    pid_t *children = calloc((size_t)count, sizeof(*children));
    for (long i = 0; i < count; i++)
        children[i] = child_start(live_and_die, NULL);
    for (long i = 0; i < rounds; i++)
        read_tree("/proc");
    for (long i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    for (long i = 0; i < count; i++)
        if (child_wait(children[i]) != SIGKILL)
            bad++;
    printf("procstorm: %lu files, %lu of them stat, %lu bad\n", files_read, stats_read, bad);
    return bad != 0 || stats_read == 0;
}
