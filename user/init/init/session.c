// The shell on the console: a session of its own, the console its terminal, started again when it
// ends, as getty would. Invariant: at most one shell runs.
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static pid_t shell_pid; // 0: not running
static uint64_t started_ns;
static unsigned quick_deaths;
static struct termios first_settings;
static bool settings_are_known;

// `size=COLUMNSxROWS` on the kernel command line: what lies behind a serial port cannot be asked.
static void apply_size_word(void)
{
    char text[4096] = " ";
    struct winsize size = { 0 };
    int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t length = read(fd, text + 1, sizeof(text) - 2);
    close(fd);
    if (length <= 0)
        return;
    const char *word = strstr(text, " size=");
    if (word != NULL && sscanf(word, " size=%hux%hu", &size.ws_col, &size.ws_row) == 2 &&
        size.ws_col * size.ws_row > 0)
        ioctl(0, TIOCSWINSZ, &size);
}

void console_remember(void)
{
    settings_are_known = tcgetattr(0, &first_settings) == 0;
    apply_size_word();
}

void console_restore(void)
{
    if (settings_are_known)
        tcsetattr(0, TCSANOW, &first_settings);
}

static void print_file(const char *path)
{
    char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;
    while (fd >= 0 && (length = read(fd, text, sizeof(text))) > 0)
        if (write(1, text, (size_t)length) != length)
            break;
    if (fd >= 0)
        close(fd);
}

static _Noreturn void become_shell(void)
{
    static char *const arguments[] = { "-sh", NULL };
    setsid();
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console < 0)
        fail("/dev/console");
    for (int fd = 0; fd <= 2; fd++)
        dup2(console, fd);
    if (console > 2)
        close(console);
    ioctl(0, TIOCSCTTY, 1);
    if (chdir("/root") != 0)
        fail("/root");
    print_file("/etc/motd");
    signals_release();
    execv("/bin/sh", arguments);
    fail("/bin/sh");
}

bool session_advance(void)
{
    if (shell_pid != 0)
        return true;
    if (quick_deaths > RESTART_LIMIT)
        return false;
    console_restore();
    fflush(NULL);
    started_ns = clock_ns();
    shell_pid = fork();
    if (shell_pid == 0)
        become_shell();
    if (shell_pid > 0)
        return true;
    printf("init: cannot fork for the shell: %s\n", strerror(errno));
    shell_pid = 0;
    return false;
}

void session_take_child(pid_t pid)
{
    if (pid != shell_pid)
        return;
    shell_pid = 0;
    quick_deaths = clock_ns() - started_ns < QUICK_NS ? quick_deaths + 1 : 0;
}

void session_hang_up(void)
{
    if (shell_pid != 0)
        kill(shell_pid, SIGHUP);
}
