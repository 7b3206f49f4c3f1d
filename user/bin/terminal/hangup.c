// What is left of a terminal when its session's leader has ended: `terminal hangup`, started
// outside of any session that has a terminal, with a free one as standard input that hangs up (on
// Linux: a virtual console, not a pseudoterminal).
#include "check.h"

static volatile int hang_ups;

static void count_hang_up(int signal)
{
    hang_ups++;
}

static bool check_dead(int fd, int hold)
{
    char byte;
    int32_t group = getpgrp();
    struct pollfd request = { .fd = fd, .events = POLLIN };
    EXPECT(read(fd, &byte, 1) == 0); // sleeps until it ends, or comes late
    EXPECT(read(hold, &byte, 1) == 0);
    EXPECT(hang_ups == 1);
    EXPECT(read(fd, &byte, 1) == 0);
    EXPECT_ERROR(write(fd, "x", 1), EIO);
    EXPECT_ERROR(tcdrain(fd), EIO);
    EXPECT_ERROR(ioctl(fd, TIOCSPGRP, &group), ENOTTY);
    EXPECT(poll(&request, 1, 0) == 1 && request.revents == (POLLIN | POLLERR | POLLHUP));
    EXPECT_ERROR(open("/dev/tty", O_RDWR), ENXIO);
    EXPECT_ERROR(tcgetpgrp(TERMINAL), ENOTTY);
    return true;
}

static void lead(int result, int hold[2])
{
    char verdict = 1;
    struct sigaction action = { .sa_handler = count_hang_up, .sa_flags = SA_RESTART };
    if (setsid() != getpid() || ioctl(TERMINAL, TIOCSCTTY, 0) != 0)
        fail("the terminal is not free");
    int fd = open("/dev/tty", O_RDWR);
    sigaction(SIGHUP, &action, NULL);
    if (fork() == 0) {
        close(hold[1]);
        verdict = check_dead(fd, hold[0]) ? 0 : 1;
        fflush(stdout);
        _exit(write(result, &verdict, 1) == 1 ? 0 : 1);
    }
    _exit(0); // what was held closes
}

int check_hang_up(void)
{
    int result[2], hold[2];
    char verdict = 1;
    if (pipe(result) != 0 || pipe(hold) != 0)
        fail("pipe");
    pid_t leader = fork();
    if (leader == 0)
        lead(result[1], hold);
    close(hold[0]);
    close(hold[1]);
    close(result[1]);
    child_wait(leader);
    bool good = read(result[0], &verdict, 1) == 1 && verdict == 0;
    printf("%s hang_up\n", good ? "ok" : "BAD");
    return good ? 0 : 1;
}
