// Sessions, the foreground, background groups and orphaned ones.
#include "check.h"

static bool other_session(void)
{
    int32_t number = getpid();
    EXPECT(setsid() == getpid());
    EXPECT_ERROR(open("/dev/tty", O_RDWR), ENXIO);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCGPGRP, &number), ENOTTY);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSPGRP, &number), ENOTTY);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCGSID, &number), ENOTTY);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCNOTTY), ENOTTY);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSCTTY, 0), EPERM);
    struct termios settings;
    EXPECT(tcgetattr(TERMINAL, &settings) == 0); // who has it open may do the rest
    EXPECT(tcsetattr(TERMINAL, TCSANOW, &settings) == 0);
    return true;
}

static bool new_session_has_no_terminal(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(other_session() ? 0 : 1);
    EXPECT(child_wait(child) == 0);
    return true;
}

static bool session_and_group_are_told(void)
{
    int32_t number = 0;
    EXPECT(ioctl(TERMINAL, TIOCGSID, &number) == 0 && number == getsid(0));
    EXPECT(tcgetpgrp(TERMINAL) == getpgrp());
    int fd = open("/dev/tty", O_RDWR);
    EXPECT(fd >= 0 && isatty(fd) && tcgetpgrp(fd) == getpgrp());
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSCTTY, 0), EPERM); // only a leader
    close(fd);
    return true;
}

static bool member_gives_up_its_terminal(void)
{
    int fd = open("/dev/tty", O_RDWR);
    EXPECT(fd >= 0);
    EXPECT(ioctl(fd, TIOCNOTTY) == 0);
    EXPECT_ERROR(open("/dev/tty", O_RDWR), ENXIO);
    EXPECT_ERROR(tcgetpgrp(fd), ENOTTY);
    EXPECT_ERROR(ioctl(fd, TIOCNOTTY), ENOTTY);
    return true;
}

static bool foreground_is_checked(void)
{
    int32_t number = -1;
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSPGRP, &number), EINVAL);
    number = 4000000;
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSPGRP, &number), ESRCH);
    number = getpgid(getppid());
    EXPECT(ioctl(TERMINAL, TIOCSPGRP, &number) == 0);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSPGRP, 8), EFAULT);
    number = 1; // another session's
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSPGRP, &number), EPERM);
    return true;
}

static bool read_one(void)
{
    char byte;
    EXPECT_ERROR(read(TERMINAL, &byte, 1), EIO);
    return true;
}

static bool read_ignoring(void)
{
    ignore_signal(SIGTTIN);
    return read_one();
}

static bool read_blocking(void)
{
    block_signal(SIGTTIN);
    return read_one();
}

static bool background_read(void)
{
    EXPECT(in_background(read_one) == (SIGTTIN << 8 | 0x7f));
    EXPECT(in_background(read_ignoring) == 0);
    EXPECT(in_background(read_blocking) == 0);
    EXPECT(as_orphan(read_one) == 0);
    return true;
}

static bool change_settings(void)
{
    struct termios settings;
    EXPECT(tcgetattr(TERMINAL, &settings) == 0);
    EXPECT(tcsetattr(TERMINAL, TCSANOW, &settings) == 0);
    return true;
}

static bool change_settings_ignoring(void)
{
    ignore_signal(SIGTTOU);
    return change_settings() && tcflush(TERMINAL, TCIFLUSH) == 0;
}

static bool change_settings_orphaned(void)
{
    struct termios settings;
    EXPECT(tcgetattr(TERMINAL, &settings) == 0);
    EXPECT_ERROR(tcsetattr(TERMINAL, TCSANOW, &settings), EIO);
    EXPECT_ERROR(tcflush(TERMINAL, TCIFLUSH), EIO);
    EXPECT_ERROR(tcsetpgrp(TERMINAL, getpgrp()), ENOTTY);
    return true;
}

static bool take_foreground(void)
{
    return tcsetpgrp(TERMINAL, getpgrp()) == 0;
}

static bool take_foreground_ignoring(void)
{
    ignore_signal(SIGTTOU);
    EXPECT(take_foreground());
    EXPECT(tcgetpgrp(TERMINAL) == getpgrp());
    return true;
}

static bool background_control(void)
{
    EXPECT(in_background(change_settings) == (SIGTTOU << 8 | 0x7f));
    EXPECT(in_background(change_settings_ignoring) == 0);
    EXPECT(as_orphan(change_settings_orphaned) == 0);
    EXPECT(in_background(take_foreground) == (SIGTTOU << 8 | 0x7f));
    EXPECT(in_background(take_foreground_ignoring) == 0);
    return true;
}

static bool write_one(void)
{
    return write(TERMINAL, "\r", 1) == 1;
}

static bool write_one_ignoring(void)
{
    ignore_signal(SIGTTOU);
    return write_one();
}

static bool write_one_orphaned(void)
{
    EXPECT_ERROR(write(TERMINAL, "\r", 1), EIO);
    return true;
}

static bool background_write(void)
{
    EXPECT(in_background(write_one) == 0);
    set_local(TOSTOP, 0);
    EXPECT(in_background(write_one) == (SIGTTOU << 8 | 0x7f));
    EXPECT(in_background(write_one_ignoring) == 0);
    EXPECT(as_orphan(write_one_orphaned) == 0);
    set_local(0, TOSTOP);
    EXPECT(as_orphan(write_one) == 0);
    return true;
}

// The number of a group stays taken while it is in the foreground, also when it is empty.
static bool empty_foreground(void)
{
    ignore_signal(SIGTTOU);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(tcsetpgrp(TERMINAL, getpgrp()));
    }
    EXPECT(child_wait(child) == 0);
    EXPECT(tcgetpgrp(TERMINAL) == child);
    EXPECT(as_orphan(read_one) == 0);
    EXPECT(tcsetpgrp(TERMINAL, getpgrp()) == 0);
    EXPECT_ERROR(tcsetpgrp(TERMINAL, child), ESRCH);
    return true;
}

static bool stop_by_all(void)
{
    raise(SIGTSTP);
    raise(SIGTTIN);
    raise(SIGTTOU);
    return true;
}

static bool orphans_do_not_stop(void)
{
    EXPECT(as_orphan(stop_by_all) == 0);
    EXPECT(in_background(stop_by_all) == (SIGTSTP << 8 | 0x7f));
    return true;
}

static int told;

static void tell(int signal)
{
    char letter = signal == SIGHUP ? 'H' : 'C';
    if (write(told, &letter, 1) != 1)
        _exit(1);
}

static pid_t start_teller(int hold)
{
    char byte;
    pid_t child = fork();
    if (child != 0)
        return child;
    setpgid(0, 0);
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGHUP);
    sigaddset(&both, SIGCONT);
    struct sigaction action = { .sa_handler = tell, .sa_mask = both, .sa_flags = SA_RESTART };
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGCONT, &action, NULL);
    raise(SIGSTOP);
    _exit(read(hold, &byte, 1) == 0 ? 0 : 1); // until the test has seen it
}

static bool new_orphans_are_told(void)
{
    int ends[2], hold[2], status;
    char letters[3] = "";
    EXPECT(pipe(ends) == 0 && pipe(hold) == 0);
    told = ends[1];
    pid_t middle = fork();
    if (middle == 0) {
        close(hold[1]);
        pid_t stopped = start_teller(hold[0]);
        _exit(waitpid(stopped, &status, WUNTRACED) == stopped && WIFSTOPPED(status) ? 0 : 1);
    }
    EXPECT(child_wait(middle) == 0);
    EXPECT(read(ends[0], letters, 1) == 1 && read(ends[0], letters + 1, 1) == 1);
    EXPECT(strcmp(letters, "HC") == 0 || strcmp(letters, "CH") == 0);
    close(hold[1]);
    return true;
}

const struct test job_tests[] = {
    { "new_session_has_no_terminal", new_session_has_no_terminal },
    { "session_and_group_are_told", session_and_group_are_told },
    { "member_gives_up_its_terminal", member_gives_up_its_terminal },
    { "foreground_is_checked", foreground_is_checked },
    { "background_read", background_read },
    { "background_control", background_control },
    { "background_write", background_write },
    { "empty_foreground", empty_foreground },
    { "orphans_do_not_stop", orphans_do_not_stop },
    { "new_orphans_are_told", new_orphans_are_told },
};
const size_t job_test_count = COUNT_OF(job_tests);
