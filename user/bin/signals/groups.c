// Signals to many at once.
#include "check.h"

#include <sys/wait.h>

#define LARGE 150
#define FORKERS 4
#define LIMIT_NS (30000 * MILLISECONDS)

static pid_t members[LARGE];

// All of them have asked for what they do with `signal`, and most sleep.
static void start_members(int signal, void (*handler)(int))
{
    int ends[2];
    char byte;
    if (pipe(ends) != 0)
        fail("pipe");
    for (int i = 0; i < LARGE; i++) {
        members[i] = fork();
        if (members[i] < 0)
            fail("fork");
        if (members[i] == 0) {
            sigaction(signal, &(struct sigaction){ .sa_handler = handler }, NULL);
            if (write(ends[1], "", 1) == 1)
                for (;;)
                    pause();
        }
    }
    for (int i = 0; i < LARGE; i++)
        if (read(ends[0], &byte, 1) != 1)
            fail("read");
    close(ends[0]);
    close(ends[1]);
}

static bool each_died_of(int signal)
{
    for (int i = 0; i < LARGE; i++)
        EXPECT(child_wait(members[i]) == signal);
    return true;
}

static bool large_group_has_it(void)
{
    EXPECT(setpgid(0, 0) == 0);
    signal(SIGUSR1, SIG_IGN);
    start_members(SIGUSR1, SIG_DFL);
    record_on(SIGUSR2, 0);
    EXPECT(kill(0, SIGUSR1) == 0 && each_died_of(SIGUSR1));
    start_members(SIGUSR2, SIG_DFL);
    EXPECT(kill(-getpid(), SIGUSR2) == 0 && seen_count == 1); // its own came before the return
    EXPECT(seen_info.si_code == SI_USER && seen_info.si_pid == getpid());
    EXPECT(each_died_of(SIGUSR2));
    EXPECT_ERROR(kill(0, 65), EINVAL);
    EXPECT_ERROR(kill(-members[0], SIGUSR1), ESRCH);
    return true;
}

// Its children stay when they find it killed, and leave after a while when not.
static void fork_for_ever(void)
{
    pid_t self = getpid();
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        pid_t child = fork();
        if (child < 0)
            usleep(1000);
        if (child != 0)
            continue;
        usleep(20000);
        while (getppid() != self)
            pause();
        _exit(0);
    }
}

static int fill_group(void *argument)
{
    setpgid(0, 0);
    start_members(SIGUSR1, SIG_DFL);
    for (int i = 0; i < FORKERS; i++) {
        pid_t child = fork();
        if (child == 0)
            fork_for_ever();
    }
    usleep(20000);
    kill(-getpid(), SIGKILL);
    return 1;
}

// Whose parent is killed before it forks is not there, whose parent is killed later gets its own.
static bool nobody_outruns_a_kill(void)
{
    for (int round = 0; round < 20; round++) {
        pid_t leader = child_start(fill_group, NULL);
        EXPECT(child_wait(leader) == SIGKILL);
        uint64_t deadline_ns = clock_ns() + LIMIT_NS;
        while (kill(-leader, 0) == 0 && clock_ns() < deadline_ns) // zombies count
            usleep(1000);
        EXPECT_ERROR(kill(-leader, SIGKILL), ESRCH);
    }
    return true;
}

static void leave(int signal)
{
    _exit(7);
}

// On Linux it would reach programs that are none of this test's business.
static bool all_others_have_it(void)
{
    if (!kernel_is_ringfence())
        return true;
    record_on(SIGURG, 0);
    start_members(SIGURG, leave);
    EXPECT(kill(-1, SIGURG) == 0 && seen_count == 0);
    for (int i = 0; i < LARGE; i++)
        EXPECT(child_wait(members[i]) == 7 << 8);
    EXPECT_ERROR(kill(-1, 65), EINVAL);
    return true;
}

const struct test group_tests[] = {
    { "large_group_has_it", large_group_has_it },
    { "nobody_outruns_a_kill", nobody_outruns_a_kill },
    { "all_others_have_it", all_others_have_it },
};
const size_t group_test_count = COUNT_OF(group_tests);
