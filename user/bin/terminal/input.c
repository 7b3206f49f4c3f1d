// Reading: lines, raw bytes with VMIN and VTIME, poll, interruption.
#include "check.h"

static bool raw_without_waiting(void)
{
    char bytes[8];
    set_raw(0, 0);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 0);
    ask_for("ab");
    wait_for_input(2);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 2 && memcmp(bytes, "ab", 2) == 0);
    EXPECT(read(TERMINAL, bytes, 0) == 0);
    return true;
}

static bool raw_with_a_limit(void)
{
    char bytes[8];
    set_raw(0, 3);
    uint64_t start = clock_ns();
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 0);
    uint64_t taken = clock_ns() - start;
    EXPECT(taken >= 290 * MILLISECONDS && taken < 5000 * MILLISECONDS);
    set_raw(0, 200);
    ask_for("x");
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 1);
    return true;
}

static bool raw_with_a_minimum(void)
{
    char bytes[8];
    struct pollfd request = { .fd = TERMINAL, .events = POLLIN };
    set_raw(4, 0);
    ask_for("abc");
    wait_for_input(3);
    EXPECT(poll(&request, 1, 0) == 0);
    ask_for("d");
    EXPECT(poll(&request, 1, -1) == 1);
    EXPECT(read(TERMINAL, bytes, 2) == 2);
    ask_for("ef");
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 4 && memcmp(bytes, "cdef", 4) == 0);
    return true;
}

static bool raw_between_bytes(void)
{
    char bytes[8];
    set_raw(8, 3);
    ask_for("abc");
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 3);
    return true;
}

static void set_nonblocking(bool on)
{
    int flags = fcntl(TERMINAL, F_GETFL);
    fcntl(TERMINAL, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static bool nonblocking(void)
{
    char bytes[8];
    int fd = open("/dev/tty", O_RDWR | O_NONBLOCK);
    EXPECT(fd >= 0);
    EXPECT_ERROR(read(fd, bytes, sizeof(bytes)), EAGAIN);
    set_raw(5, 0);
    EXPECT_ERROR(read(fd, bytes, sizeof(bytes)), EAGAIN);
    ask_for("ab");
    wait_for_input(2);
    EXPECT(read(fd, bytes, sizeof(bytes)) == 2);
    set_nonblocking(true);
    EXPECT_ERROR(read(TERMINAL, bytes, sizeof(bytes)), EAGAIN);
    set_nonblocking(false);
    return true;
}

static bool lines(void)
{
    char bytes[16];
    int count = -1;
    struct pollfd request = { .fd = TERMINAL, .events = POLLIN };
    ask_for("one\\rtwo\\r\\4");
    EXPECT(read(TERMINAL, bytes, 2) == 2 && memcmp(bytes, "on", 2) == 0);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 2 && memcmp(bytes, "e\n", 2) == 0);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 4);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 0);
    EXPECT(poll(&request, 1, 0) == 0);
    EXPECT(ioctl(TERMINAL, FIONREAD, &count) == 0 && count == 0);
    ask_for("end\\4");
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 3);
    return true;
}

static bool mode_changes(void)
{
    char bytes[16];
    set_raw(1, 0);
    ask_for("typed");
    wait_for_input(5);
    set_local(ICANON, 0);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 5);
    set_raw(1, 0);
    ask_for("more");
    wait_for_input(4);
    tcflush(TERMINAL, TCIFLUSH);
    set_raw(0, 0);
    EXPECT(read(TERMINAL, bytes, sizeof(bytes)) == 0);
    return true;
}

static void do_nothing(int signal)
{
}

static bool interrupted(void)
{
    char byte;
    struct sigaction action = { .sa_handler = do_nothing };
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    EXPECT_ERROR(read(TERMINAL, &byte, 1), EINTR);
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    set_raw(1, 0);
    pid_t target = getpid(), child = fork();
    if (child == 0) {
        sleep_ns(200 * MILLISECONDS);
        kill(target, SIGALRM);
        ask_for("x");
        _exit(0);
    }
    EXPECT(read(TERMINAL, &byte, 1) == 1);
    child_wait(child);
    return true;
}

static bool key_sends(const char *keys, int signal, const sigset_t *set)
{
    siginfo_t info;
    ask_for(keys);
    EXPECT(sigwaitinfo(set, &info) == signal);
    EXPECT(info.si_code == SI_KERNEL && info.si_pid == 0);
    return true;
}

static bool keys_reach_the_foreground(void)
{
    char byte;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    EXPECT(setpgid(0, 0) == 0); // away from the leader, which would die
    ignore_signal(SIGTTOU);
    EXPECT(tcsetpgrp(TERMINAL, getpgrp()) == 0);
    if (!key_sends("abc\\3", SIGINT, &set) || !key_sends("\\34", SIGQUIT, &set) ||
        !key_sends("\\32", SIGTSTP, &set))
        return false;
    ask_for("z\\r"); // what was typed before the keys is gone
    EXPECT(read(TERMINAL, &byte, 1) == 1 && byte == 'z');
    return true;
}

const struct test input_tests[] = {
    { "raw_without_waiting", raw_without_waiting },
    { "raw_with_a_limit", raw_with_a_limit },
    { "raw_with_a_minimum", raw_with_a_minimum },
    { "raw_between_bytes", raw_between_bytes },
    { "nonblocking", nonblocking },
    { "lines", lines },
    { "mode_changes", mode_changes },
    { "interrupted", interrupted },
    { "keys_reach_the_foreground", keys_reach_the_foreground },
};
const size_t input_test_count = COUNT_OF(input_tests);
