// The orderly end: programs are asked to end, have a second, are killed; then reboot(2), whose
// kernel side says whether everything came back. Called once, by main.c; does not return.
#include "init.h"

#include <signal.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#define FAREWELL_NS 1000000000u
#define LOOK_AGAIN_NS 100000000u // an end need not be told: its parent may ignore it

static bool is_ending;

bool machine_is_ending(void)
{
    return is_ending;
}

static bool anybody_is_left(void)
{
    children_collect();
    return kill(-1, 0) == 0;
}

static void wait_for_children(uint64_t limit_ns)
{
    struct timespec limit = { (time_t)(limit_ns / 1000000000u), (long)(limit_ns % 1000000000u) };
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigtimedwait(&awaited, NULL, &limit);
}

static void end_programs(void)
{
    uint64_t deadline = clock_ns() + FAREWELL_NS;
    kill(-1, SIGTERM);
    session_hang_up();
    kill(-1, SIGCONT);
    for (;;) {
        uint64_t now = clock_ns();
        if (!anybody_is_left() || now >= deadline)
            break;
        uint64_t left = deadline - now;
        wait_for_children(left < LOOK_AGAIN_NS ? left : LOOK_AGAIN_NS);
    }
    kill(-1, SIGKILL);
}

void machine_end(enum ending ending)
{
    static const struct {
        const char *word;
        int command;
    } endings[] = {
        [ENDING_POWER_OFF] = { "powering off", RB_POWER_OFF },
        [ENDING_HALT] = { "halting", RB_HALT_SYSTEM },
        [ENDING_RESTART] = { "restarting", RB_AUTOBOOT },
    };
    is_ending = true;
    console_restore();
    end_programs();
    sync();
    printf("init: %s\n", endings[ending].word);
    fflush(stdout);
    reboot(endings[ending].command);
    fail("reboot");
}
