// Wait statuses and signals in words, for everything that reports how a program ended.
#include "program.h"

#include <stdio.h>
#include <sys/wait.h>

const char *signal_word(int signal)
{
    static const char *const words[] = {
        [1] = "SIGHUP",   [2] = "SIGINT",   [3] = "SIGQUIT",  [4] = "SIGILL",   [5] = "SIGTRAP",
        [6] = "SIGABRT",  [7] = "SIGBUS",   [8] = "SIGFPE",   [9] = "SIGKILL",  [10] = "SIGUSR1",
        [11] = "SIGSEGV", [12] = "SIGUSR2", [13] = "SIGPIPE", [14] = "SIGALRM", [15] = "SIGTERM",
        [24] = "SIGXCPU", [25] = "SIGXFSZ", [31] = "SIGSYS",
    };
    if (signal < 0 || (size_t)signal >= COUNT_OF(words) || words[signal] == NULL)
        return "another signal";
    return words[signal];
}

const char *verdict_words(int status, char *buffer, size_t size)
{
    if (WIFEXITED(status))
        snprintf(buffer, size, "exited %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        snprintf(buffer, size, "killed by %s", signal_word(WTERMSIG(status)));
    else
        snprintf(buffer, size, "wait status 0x%x", (unsigned)status);
    return buffer;
}
