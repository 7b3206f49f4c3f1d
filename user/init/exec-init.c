// The first process of `make exec` (kernel/README.md, row 13): runs the one program that /etc/exec
// describes, with its standard streams on the host channel (include/exec_channel.h), and reports
// its wait status there. /etc/exec holds argv and env (NUL-separated), cwd, flags, and where they
// differ from the usual: program (the path; otherwise argv[0]) and stdin (a file; otherwise the
// channel).
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

// A whole file with a NUL behind it; NULL when there is no such file.
static char *read_file(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = NULL;
    size_t used = 0, room = 0;
    for (;;) {
        if (room - used < 4096) {
            room = room * 2 + 8192;
            text = realloc(text, room);
            if (text == NULL)
                fail(path);
        }
        ssize_t got = read(fd, text + used, room - used - 1);
        if (got < 0)
            fail(path);
        if (got == 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    text[used] = '\0';
    if (size != NULL)
        *size = used;
    return text;
}

// NUL-separated strings as an array; none when the file is missing. A last string needs no NUL.
static char **read_strings(const char *path)
{
    size_t size = 0, count = 0;
    char *text = read_file(path, &size);
    for (size_t i = 0; i < size; i++)
        count += text[i] == '\0';
    char **strings = calloc(count + 2, sizeof(*strings));
    if (strings == NULL)
        fail(path);
    count = 0;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1)
        strings[count++] = text + at;
    return strings;
}

// One line; its newline is dropped.
static char *read_line(const char *path)
{
    char *text = read_file(path, NULL);
    if (text != NULL)
        text[strcspn(text, "\n")] = '\0';
    return text;
}

static void move_stream(const char *path, int flags, int target)
{
    int fd = open(path, flags);
    if (fd < 0 || (fd != target && dup2(fd, target) < 0))
        _exit(EXIT_NOT_EXECUTABLE);
    if (fd != target)
        close(fd);
}

static _Noreturn void become_program(const char *program, char **argv, char **env, const char *cwd)
{
    move_stream("/dev/exec/stderr", O_WRONLY, 2);
    move_stream("/dev/exec/stdout", O_WRONLY, 1);
    bool from_file = access("/etc/exec/stdin", F_OK) == 0;
    move_stream(from_file ? "/etc/exec/stdin" : "/dev/exec/stdin", O_RDONLY, 0);
    if (cwd != NULL && chdir(cwd) != 0) {
        dprintf(2, "exec: %s: %s\n", cwd, strerror(errno));
        _exit(EXIT_NOT_EXECUTABLE);
    }
    execve(program, argv, env);
    int reason = errno;
    dprintf(2, "exec: %s: %s\n", program, strerror(reason));
    _exit(reason == ENOENT || reason == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, data, size);
        if (done <= 0)
            return;
        data += done;
        size -= (size_t)done;
    }
}

static void send_trace(void)
{
    static char buffer[32 * 1024];
    int from = open("/proc/trace", O_RDONLY | O_CLOEXEC);
    int to = open("/dev/exec/trace", O_WRONLY | O_CLOEXEC);
    ssize_t got;
    while (from >= 0 && to >= 0 && (got = read(from, buffer, sizeof(buffer))) > 0)
        write_all(to, buffer, (size_t)got);
    close(from);
    close(to);
}

// Waits for the program; orphans that end meanwhile are reaped.
static int wait_for(pid_t program)
{
    int status = 0;
    pid_t pid;
    do
        pid = waitpid(-1, &status, 0);
    while (pid != program && (pid > 0 || errno == EINTR));
    return pid == program ? status : EXIT_NOT_EXECUTABLE << 8;
}

static _Noreturn void power_off(void)
{
    reboot(RB_POWER_OFF);
    fail("reboot");
}

int main(void)
{
    int channel = open("/dev/exec/status", O_WRONLY | O_CLOEXEC); // READY
    if (channel < 0) {
        printf("exec-init: /dev/exec/status: %s\n", strerror(errno));
        fflush(stdout);
        power_off();
    }
    char **argv = read_strings("/etc/exec/argv");
    char **env = read_strings("/etc/exec/env");
    char *program = read_line("/etc/exec/program");
    char *flags = read_line("/etc/exec/flags");
    if (program == NULL)
        program = argv[0] != NULL ? argv[0] : "";
    pid_t pid = fork();
    if (pid == 0)
        become_program(program, argv, env, read_line("/etc/exec/cwd"));
    int32_t status = pid > 0 ? wait_for(pid) : EXIT_NOT_EXECUTABLE << 8;
    if (flags != NULL && strstr(flags, "trace") != NULL)
        send_trace();
    write_all(channel, (const char *)&status, sizeof(status));
    close(channel); // BYE
    power_off();
}
