// The terminal as Linux programs use it, and job control. Runs unchanged on Linux, which is how the
// expectations were checked. Wants to lead a session that has its standard input as terminal:
// `setsid -c terminal`. A line "TYPE text" asks for these keys. Each test is a process; `ok NAME`
// or `BAD NAME`. Exits 1 if any was bad. terminal [NAME | hangup]
#include "check.h"

static const struct test_group groups[] = {
    { job_tests, &job_test_count },
    { control_tests, &control_test_count },
    { input_tests, &input_test_count },
};

static struct termios original;

void ask_for(const char *text)
{
    printf("TYPE %s\n", text);
    fflush(stdout);
}

void wait_for_input(int count)
{
    int available = 0;
    while (ioctl(TERMINAL, FIONREAD, &available) == 0 && available < count)
        sleep_ns(MILLISECONDS);
}

static void change(const struct termios *settings)
{
    if (tcsetattr(TERMINAL, TCSANOW, settings) != 0)
        fail("tcsetattr");
}

void set_raw(int minimum, int time)
{
    struct termios settings = original;
    settings.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    settings.c_cc[VMIN] = (cc_t)minimum;
    settings.c_cc[VTIME] = (cc_t)time;
    change(&settings);
}

void set_local(tcflag_t set, tcflag_t clear)
{
    struct termios settings;
    if (tcgetattr(TERMINAL, &settings) != 0)
        fail("tcgetattr");
    settings.c_lflag = (settings.c_lflag | set) & ~clear;
    change(&settings);
}

void ignore_signal(int number)
{
    signal(number, SIG_IGN);
}

void block_signal(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int in_background(bool (*body)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(body() ? 0 : 1);
    }
    setpgid(child, child);
    if (waitpid(child, &status, WUNTRACED) != child)
        fail("waitpid");
    if (WIFSTOPPED(status)) {
        kill(child, SIGKILL);
        child_wait(child);
    }
    return status;
}

// The middle process leaves, so that the last one's parent is a stranger to its session.
int as_orphan(bool (*body)(void))
{
    int ends[2], orphaned[2];
    char result = 1, byte;
    if (pipe(ends) != 0 || pipe(orphaned) != 0)
        fail("pipe");
    pid_t middle = fork();
    if (middle == 0) {
        if (fork() == 0) {
            setpgid(0, 0);
            close(ends[0]);
            close(orphaned[1]);
            if (read(orphaned[0], &byte, 1) != 0) // until the middle process is gone
                _exit(1);
            result = body() ? 0 : 1;
            fflush(stdout);
            _exit(write(ends[1], &result, 1) == 1 ? 0 : 1);
        }
        _exit(0);
    }
    child_wait(middle);
    close(orphaned[1]);
    close(ends[1]);
    return read(ends[0], &result, 1) == 1 ? result : -1;
}

static void take_terminal_back(void)
{
    ignore_signal(SIGTTOU); // the test may have left another group in the foreground
    if (tcsetpgrp(TERMINAL, getpgrp()) != 0 || tcsetattr(TERMINAL, TCSAFLUSH, &original) != 0)
        fail("the terminal does not come back");
    signal(SIGTTOU, SIG_DFL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "hangup") == 0) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        return check_hang_up();
    }
    if (tcgetattr(TERMINAL, &original) != 0 || getsid(0) != getpid())
        fail("no session with a terminal");
    ignore_signal(SIGWINCH);
    return suite_run("terminal", groups, COUNT_OF(groups), argv[1], take_terminal_back) != 0;
}
