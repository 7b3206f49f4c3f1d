// Settings, window size, queues, and requests that do not exist.
#include "check.h"

#define NO_SUCH_REQUEST 0x54ee

static volatile int window_changes;

static void count_change(int signal)
{
    window_changes++;
}

static bool window_size(void)
{
    struct winsize before, size;
    signal(SIGWINCH, count_change);
    EXPECT(ioctl(TERMINAL, TIOCGWINSZ, &before) == 0);
    size = before;
    EXPECT(ioctl(TERMINAL, TIOCSWINSZ, &size) == 0 && window_changes == 0);
    size.ws_row = 7;
    EXPECT(ioctl(TERMINAL, TIOCSWINSZ, &size) == 0 && window_changes == 1);
    memset(&size, 0, sizeof(size));
    EXPECT(ioctl(TERMINAL, TIOCGWINSZ, &size) == 0 && size.ws_row == 7);
    EXPECT(ioctl(TERMINAL, TIOCSWINSZ, &before) == 0 && window_changes == 2);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCGWINSZ, 8), EFAULT);
    EXPECT_ERROR(ioctl(TERMINAL, TIOCSWINSZ, 8), EFAULT);
    return true;
}

static bool settings_are_kept(void)
{
    struct termios settings, back;
    EXPECT(tcgetattr(TERMINAL, &settings) == 0);
    settings.c_cc[VEOL2] = 'e';
    settings.c_oflag ^= ONLRET;
    EXPECT(tcsetattr(TERMINAL, TCSADRAIN, &settings) == 0);
    EXPECT(tcgetattr(TERMINAL, &back) == 0);
    EXPECT(back.c_cc[VEOL2] == 'e' && back.c_oflag == settings.c_oflag);
    EXPECT(back.c_cflag == settings.c_cflag);
    EXPECT_ERROR(ioctl(TERMINAL, TCGETS, 8), EFAULT);
    EXPECT_ERROR(ioctl(TERMINAL, TCSETS, 8), EFAULT);
    return true;
}

static bool other_requests(void)
{
    int number = 5;
    EXPECT_ERROR(ioctl(TERMINAL, NO_SUCH_REQUEST, 0), ENOTTY);
    EXPECT_ERROR(ioctl(TERMINAL, TCFLSH, 3), EINVAL);
    EXPECT_ERROR(ioctl(TERMINAL, TCXONC, 4), EINVAL);
    EXPECT(ioctl(TERMINAL, TIOCGETD, &number) == 0 && number == 0);
    EXPECT(ioctl(TERMINAL, TIOCSETD, &number) == 0);
    EXPECT(ioctl(TERMINAL, TIOCOUTQ, &number) == 0 && number >= 0);
    EXPECT(tcdrain(TERMINAL) == 0);
    EXPECT_ERROR(lseek(TERMINAL, 0, SEEK_CUR), ESPIPE);
    EXPECT_ERROR(pwrite(TERMINAL, "x", 1, 0), ESPIPE);
    return true;
}

static bool output_is_suspended(void)
{
    struct pollfd request = { .fd = TERMINAL, .events = POLLOUT };
    EXPECT(poll(&request, 1, 0) == 1 && request.revents == POLLOUT);
    EXPECT(tcflow(TERMINAL, TCOOFF) == 0);
    pid_t child = fork();
    if (child == 0) {
        sleep_ns(200 * MILLISECONDS);
        _exit(tcflow(TERMINAL, TCOON));
    }
    uint64_t start = clock_ns();
    bool written = write(TERMINAL, "held\n", 5) == 5;
    uint64_t taken = clock_ns() - start;
    child_wait(child);
    EXPECT(written && (taken > 100 * MILLISECONDS || !kernel_is_ringfence()));
    return true;
}

const struct test control_tests[] = {
    { "window_size", window_size },
    { "settings_are_kept", settings_are_kept },
    { "other_requests", other_requests },
    { "output_is_suspended", output_is_suspended },
};
const size_t control_test_count = COUNT_OF(control_tests);
