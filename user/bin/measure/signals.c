// The rows about signals. Called through rows.c.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "rows.h"

#define SIGNAL SIGUSR1
#define SET_SIZE 8

// As the kernel has it. The restorer is the C library's, read back.
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    unsigned long mask;
};

static struct kernel_action action;
static volatile long caught;

static void count_signal(int signal)
{
    caught++;
}

void signal_prepare(const struct row *row)
{
    struct sigaction wanted = { .sa_handler = count_signal };
    if (sigaction(SIGNAL, &wanted, NULL) != 0 ||
        call4(SYS_rt_sigaction, SIGNAL, 0, (long)&action, SET_SIZE) != 0)
        row_failed("sigaction");
}

uint64_t signal_install(long count)
{
    long every = 0;
    uint64_t cycles =
        TIMED(count, every |= call4(SYS_rt_sigaction, SIGNAL, (long)&action, 0, SET_SIZE));
    return every ? row_failed_call("rt_sigaction", every) : cycles;
}

uint64_t signal_deliver(long count)
{
    long self = getpid(), before = caught, every = 0;
    uint64_t cycles = TIMED(count, every |= call2(SYS_kill, self, SIGNAL));
    if (every)
        return row_failed_call("kill", every);
    return caught - before == count ? cycles : row_failed("not every signal came");
}

void signal_finish(void)
{
    signal(SIGNAL, SIG_DFL);
}
